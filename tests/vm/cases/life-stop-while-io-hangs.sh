# SPDX-License-Identifier: MIT
about "a server that hangs in the middle of I/O can be stopped: it is killed after --stop-timeout, and the I/O fails"

disk=$(start_disk mem --size 16M --stop-timeout 2)
kill -STOP "$(worker_pid "$disk")"
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>"$case/dd" &
dd=$!
wait_until 5 in_flight "$disk"
kill -TERM "$(server_pid "$disk")"
kill -INT "$(server_pid "$disk")"
wait "$dd" && fail "the read succeeded"
expect "$(server_status "$disk")" = 0
server_said "$disk" >"$case/said"
expect_said 'killing the server process [0-9]+: it does not answer'
expect ! -e "$disk"
ublk-null -- true
