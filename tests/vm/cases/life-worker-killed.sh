# SPDX-License-Identifier: MIT
about "when the serving process is killed the keeper says so, removes the disk and fails"

disk=$(start_disk mem --size 16M)
kill -KILL "$(worker_pid "$disk")"
expect "$(server_status "$disk")" = 1
server_said "$disk" >"$case/said"
expect_said 'the server process died of signal 9; the disk and what it held are gone'
expect ! -e "$disk"
expect ! -e "/dev/ublkc${disk#/dev/ublkb}"
