# SPDX-License-Identifier: MIT
about "the example's disk, built with what is installed, holds a file system, goes on when its server is killed, and goes"

disk=$(start_disk xor 64M --supervise --name=mine)
expect "$(ublk-ctl list -n --raw -O name,type,state "$disk")" = "mine other live"
expect "$(cat "/proc/$(server_pid "$disk")/comm")" = ublk-xor
mkfs.ext4 -q "$disk"
mkdir -p /mnt
mount "$disk" /mnt
on_exit "umount /mnt 2>/dev/null || true"
pattern 8M 3 >/mnt/file
sync /mnt/file
kill_worker "$disk"
pattern 8M 4 >/mnt/another
umount /mnt
expect_status 0 e2fsck -fn "$disk"
mount -o ro "$disk" /mnt
expect "$(sum </mnt/file)" = "$(pattern 8M 3 | sum)"
expect "$(sum </mnt/another)" = "$(pattern 8M 4 | sum)"
umount /mnt
pattern 64K 5 | write_at "$disk" 1M
expect "$(read_at "$disk" 1M 64K | sum)" = "$(pattern 64K 5 | sum)"
stop_disk "$disk"
expect_status 2 ublk-xor 64M --unknown
expect_status 0 ublk-xor --help
expect_said 'ublk-xor \[SIZE\]' 'see ublk\(8\)'
