# SPDX-License-Identifier: MIT
# long
# timeout: 600
about "whatever limits a process has, from nothing to what is needed: the server works, or says what it lacks, and leaves nothing"

ublk-null -- true # the module is there
let_users_in
# up_to LAST STEP LIMIT CMD... - LIMIT from STEP to LAST: it must fail with a word about it, and then work
up_to() {
	local last="$1" step="$2" name="$3" value=0 failed=0 said=0

	shift 3
	while value=$((value + step)) && ! prlimit --"$name"=$value "$@" 2>"$case/said"; do
		failed=$((failed + 1))
		grep -q . "$case/said" || echo "$name $value: nothing was said"
		grep -Eq 'cannot |memory|descriptors|limit' "$case/said" && said=$((said + 1))
		expect "$(find /sys/class/ublk-char/ -name 'ublkc*')" = ""
		expect $value -le "$last"
	done
	total=$((total + failed))
	# below that the kernel does not even start the program, which others say
	echo "$name: $failed too small, $said said so, $value is enough"
	expect $failed -ge 1
	expect $said -ge 1
}
total=0
up_to 64 1 nofile ublk-mem 1M --queues=2 -- true
up_to 67108864 65536 as ublk-mem 1M --queues=1 --depth=4 -- true
up_to 67108864 262144 data ublk-mem 1M --queues=1 --depth=4 --io=copy -- true
up_to 16 1 nproc setpriv --reuid=1000 --regid=1000 --clear-groups ublk-mem 1M --queues=2 -- true
up_to 268435456 1048576 memlock setpriv --reuid=1000 --regid=1000 --clear-groups ublk-mem 1M --queues=1 --depth=4 --mlock -- true
counted_as $total "limits that were too low"
