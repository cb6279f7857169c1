# SPDX-License-Identifier: MIT
about "ublk-ctl del --force removes a disk whose server hangs, with I/O in flight"

disk=$(start_disk mem --size 16M)
worker=$(worker_pid "$disk")
kill -STOP "$worker"
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>"$case/dd" &
dd=$!
wait_until 5 in_flight "$disk"
expect_status 5 ublk-ctl del "$disk"
expect_said "in use: open in process $dd \(dd\)"
expect_status 0 ublk-ctl del --force "$disk"
expect_said "killed the server of device ${disk#/dev/ublkb}, process $worker"
wait "$dd" && fail "the read succeeded"
expect "$(server_status "$disk")" = 1
expect ! -e "$disk"
