# SPDX-License-Identifier: MIT
about "a third signal does not wait for --stop-timeout: a server that hangs is killed at once, also when the three are seen together"

for together in no yes; do
	disk=$(start_disk mem --size 16M --stop-timeout 300)
	keeper=$(server_pid "$disk")
	kill -STOP "$(worker_pid "$disk")"
	dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>"$case/dd" &
	dd=$!
	wait_until 5 in_flight "$disk"
	test $together = no || kill -STOP "$keeper"
	for signal in TERM INT HUP; do
		kill -$signal "$keeper"
	done
	test $together = no || kill -CONT "$keeper"
	wait "$dd" && fail "the read succeeded"
	expect "$(server_status "$disk")" = 0
	server_said "$disk" >"$case/said"
	expect_said 'killing the server process [0-9]+: as told'
	expect ! -e "$disk"
done
