# SPDX-License-Identifier: MIT
about "--stats tells what was done at the end, and with a number of seconds again and again before"

lines() {
	test "$(grep -c ' in flight in a queue$' "$1")" -ge "$2"
}

# shellcheck disable=SC2016 # the inner shell expands
ublk-mem 8M --stats -- sh -c 'dd if=$UBLK_DEV of=/dev/null bs=4k count=9 iflag=direct status=none; cat "$0"' "$case/err" 2>"$case/err" >"$case/out"
expect "$(cat "$case/out")" = "" # not before the end
expect "$(grep -c ' in flight in a queue$' "$case/err")" = 1
expect "$(sed -n 's/.*: \([0-9]*\) reads .*/\1/p' "$case/err")" -ge 9

disk=$(start_disk null --stats=1)
wait_until 30 lines "$(server_of "$disk")/stderr" 2
count=$(grep -c ' in flight in a queue$' "$(server_of "$disk")/stderr")
stop_disk "$disk"
expect "$(grep -c ' in flight in a queue$' "$(server_of "$disk")/stderr")" -gt "$count"
expect_status 2 ublk-null --stats --quiet
expect_status 2 ublk-null --stats=x
