# SPDX-License-Identifier: MIT
about "--quiet leaves out everything but errors and their remedies"

expect_status 0 ublk-null --queues 4096 --depth 1 -- true
expect_said 'the kernel grants [0-9]+ queues of the 4096'
expect_status 0 ublk-null --queues 4096 --depth 1 --quiet -- true
expect "$(cat "$case/said")" = ""
disk=$(start_disk null --quiet)
expect_status 5 ublk-null --quiet --id "${disk#/dev/ublkb}"
expect_said 'is in use by process' 'choose another --id or none'
