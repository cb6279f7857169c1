# SPDX-License-Identifier: MIT
about "--log=kmsg writes to the kernel's log, with a priority, and to nothing else"

expect_status 0 ublk-null --queues 4096 --depth 1 --log kmsg -- true
expect "$(cat "$case/said")" = ""
dmesg -r >"$case/said"
expect_said '^<29>.*ublk-null\[[0-9]+\]: the kernel grants [0-9]+ queues of the 4096'
disk=$(start_disk null)
expect_status 5 ublk-null --id "${disk#/dev/ublkb}" --log kmsg
expect "$(cat "$case/said")" = ""
dmesg -r >"$case/said"
expect_said "^<27>.*ublk-null: device ${disk#/dev/ublkb} is in use by process"
