# SPDX-License-Identifier: MIT
about "ublk-ctl check finds nothing shut here; features tells what the kernel offers"

expect_status 0 ublk-ctl check
expect_said '^PASS  driver' '^PASS  io_uring' '^PASS  control' '^PASS  nodes     the kernel makes them in /dev' '^PASS  rights'
expect "$(grep -vc '^PASS' "$case/said")" = 0
expect_status 0 ublk-ctl features
expect_said '^NEED_GET_DATA .*yes'
ublk-ctl features --json | grep -q '"name": "NEED_GET_DATA", "since": "6.0", "offered": true, "used": true'
