# SPDX-License-Identifier: MIT
about "SIGUSR1 tells what was done, in a line on standard error, and neither ends nor delays anything"

line='^ublk-mem\[[0-9]+\]: [0-9]+ reads \([0-9.]+[BKM]\), 99% within [0-9.]+[num]?s, 99.9% within .*; [0-9]+ writes .* in flight in a queue$'
# lines N - so many have been said
lines() {
	test "$(grep -Ec "$line" "$(server_of "$disk")/stderr")" = "$1"
}

# --no-partscan: no reads of the kernel's own, which since Linux 6.18 may come later
disk=$(start_disk mem 8M --no-partscan)
before=$(counted "$disk" reads)
dd if="$disk" of=/dev/null bs=4k count=5 iflag=direct status=none
kill -USR1 "$(server_pid "$disk")"
wait_until 10 lines 1
server_said "$disk" | grep -q ": $((before + 5)) reads "
kill -USR1 "$(worker_pid "$disk")" # which ignores it, as all signals
expect "$(read_at "$disk" 0 4096 | wc -c)" = 4096
# while a stop waits for the end of use
exec 7<"$disk"
kill -TERM "$(server_pid "$disk")"
said_in_use() {
	server_said "$disk" | grep -q 'is in use'
}
wait_until 10 said_in_use
for n in 2 3 4; do
	kill -USR1 "$(server_pid "$disk")"
	wait_until 10 lines $n
done
expect "$(read_at "$disk" 0 4096 | wc -c)" = 4096 # none of them was taken for a second SIGTERM
exec 7<&-
expect "$(server_status "$disk")" = 0

# CMD does not hear of it
# shellcheck disable=SC2016 # the inner shell expands
ublk-mem 8M -- sh -c 'kill -USR1 $PPID; while ! grep -q " in flight " "$0"; do sleep 0.05; done; exit 33' "$case/err" 2>"$case/err" &&
	status=0 || status=$?
expect "$status" = 33
expect "$(grep -Ec "$line" "$case/err")" = 1
