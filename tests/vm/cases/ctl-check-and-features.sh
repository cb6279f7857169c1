# SPDX-License-Identifier: MIT
about "ublk-ctl check finds nothing here, and names what is shut where something is; features tells what the kernel offers"

expect_status 0 ublk-ctl check
expect_said '^PASS  driver' '^PASS  io_uring' '^PASS  node'
echo 2 >/proc/sys/kernel/io_uring_disabled
on_exit "echo 0 >/proc/sys/kernel/io_uring_disabled"
expect_status 1 ublk-ctl check
expect_said '^FAIL  io_uring .*io_uring_disabled is 2' 'sysctl kernel.io_uring_disabled=0'
echo 0 >/proc/sys/kernel/io_uring_disabled
expect_status 0 ublk-ctl features
expect_said '^NEED_GET_DATA .*yes'
ublk-ctl features --json | grep -q '"name": "NEED_GET_DATA", "since": "6.0", "offered": true, "used": true'
