# SPDX-License-Identifier: MIT
about "a third signal does not wait for --stop-timeout: a server that hangs is killed at once"

disk=$(start_disk mem --size 16M --stop-timeout 300)
kill -STOP "$(worker_pid "$disk")"
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>"$case/dd" &
dd=$!
in_flight() {
	test "$(awk '{ print $1 }' "/sys/block/${disk#/dev/}/inflight")" != 0
}
wait_until 5 in_flight
for signal in TERM INT HUP; do
	kill -$signal "$(server_pid "$disk")"
done
wait "$dd" && fail "the read succeeded"
expect "$(server_status "$disk")" = 0
server_said "$disk" >"$case/said"
expect_said 'killing the server process [0-9]+: as told'
expect ! -e "$disk"
