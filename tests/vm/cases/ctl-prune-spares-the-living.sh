# SPDX-License-Identifier: MIT
about "ublk-ctl prune deletes what has lost its server, and nothing else"

live=$(start_disk null --queues 1)
dead=$(start_disk null --queues 1)
kill_server "$dead"
expect_status 0 ublk-ctl prune
expect_said "deleted device ${dead#/dev/ublkb}$"
expect "$(ublk-ctl list --raw -n -O dev,state)" = "$live live"
expect_status 0 ublk-ctl prune
expect "$(cat "$case/said")" = ""
