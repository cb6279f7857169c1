# SPDX-License-Identifier: MIT
# long
# timeout: 1500
about "whichever system call of either process fails, once: an exit status as documented, a word about it, nothing left, and never a hang"

requires fail-call
alone=
! ublk-mem --help | grep -q -e --sandbox || alone=--sandbox=off # what a call that fails would lead to is not forbidden
ublk-null -- true # the module is there
server() {
	# shellcheck disable=SC2016,SC2086 # the inner shell expands; no word at all, or one
	"$@" ublk-mem 1M --queues=1 --depth=4 --no-partscan $alone -- sh -c \
		'dd if=/dev/zero of="$UBLK_DEV" bs=64k count=1 oflag=direct status=none'
}
nothing_left() {
	set -- /sys/class/ublk-char/ublkc* /dev/ublkc* /dev/ublkb*
	for name; do test ! -e "$name" || return 1; done
}
# --no-partscan: on Linux 6.12 START_DEV does not always return when the worker ends while partitions are looked for
# fail_each WHO ERRNO - until there is no call left to fail
fail_each() {
	local call status

	n=0
	while n=$((n + 1)); do
		echo unknown >"$case/call"
		server fail-call "$1" $n "$2" "$case/call" 2>"$case/said" && status=0 || status=$?
		call=$(cat "$case/call")
		test "$call" != none || break
		total=$((total + 1))
		case $status in
		0) ;;
		125) grep -Eq 'cannot |died|ended|sh:' "$case/said" || wrong "$@" "said nothing of it" ;;
		*) wrong "$@" "exit status $status" ;;
		esac
		nothing_left && continue
		grep -q 'ublk-ctl del' "$case/said" ||
			wrong "$@" "left $(find /sys/class/ublk-char/ /dev -name "ublk[bc][0-9]*" | tr "\n" " ")"
		ublk-ctl prune >/dev/null 2>&1
		nothing_left || fail "not to be removed"
	done
	expect "$status" = 0
	expect $n -gt 40
}
wrong() {
	echo "call $n of the $1, number $call, error $2: $3"
	sed 's/^/    /' "$case/said"
	touch "$case/wrong"
}
total=0
for error in ${errors:-12 4 5}; do
	for who in keeper worker; do
		fail_each $who "$error"
		echo "$who, $error: $n"
	done
done
expect ! -e "$case/wrong"
counted_as $total "system calls that failed"
