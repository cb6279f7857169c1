# SPDX-License-Identifier: MIT
about "a library's disk is not handed to another program, nor does its program take one, and all go on; orphaned, it can go"

is_orphaned() {
	test "$(ublk-ctl list -n --raw -O state "$disk")" = orphaned
}

disk=$(start_disk xor 16M --supervise)
pattern 64K 1 | write_at "$disk" 0
xor=$(command -v ublk-xor)
expect_status 1 ublk-ctl upgrade "$disk"
server_said "$disk" | grep -q 'the other program cannot go on with this disk'
expect_status 2 ublk-ctl upgrade "$disk" "$xor" # which is started in place of ublk-ctl
ours=$(start_disk mem 16M --supervise)
pattern 64K 2 | write_at "$ours" 0
expect_status 2 ublk-ctl upgrade "$ours" "$xor"
expect "$(read_at "$ours" 0 64K | sum)" = "$(pattern 64K 2 | sum)"
stop_disk "$ours"
kill -KILL "$(server_pid "$disk")"
wait_until 10 is_orphaned
expect_status 1 ublk-ctl adopt "$disk"
expect "$(read_at "$disk" 0 64K | sum)" = "$(pattern 64K 1 | sum)"
expect "$(own-disk delete "$disk")" = 0
