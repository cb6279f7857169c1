# SPDX-License-Identifier: MIT
about "when the keeper is killed the serving process ends with it, and ublk-ctl prune removes what is left"

disk=$(start_disk mem --size 16M)
worker=$(worker_pid "$disk")
kill_server "$disk"
expect_status 0 ublk-ctl prune
expect_said "deleted device ${disk#/dev/ublkb}"
expect ! -e "$disk"
expect ! -e "/proc/$worker"
