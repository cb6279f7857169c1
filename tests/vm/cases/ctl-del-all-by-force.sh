# SPDX-License-Identifier: MIT
about "del --force -a deletes every disk, also those after one that vanishes only when its user closes it"

first=$(start_disk null 1M -n 1)
start_disk null 1M -n 2 >/dev/null
exec 9<"$first"
expect_status 0 ublk-ctl del --force -a
expect_said "device 1 is (stopped|deleted) and vanishes when it is no longer open"
expect ! -e /sys/class/ublk-char/ublkc2
exec 9<&-
wait_until 10 test ! -e /sys/class/ublk-char/ublkc1
