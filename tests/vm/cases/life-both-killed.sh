# SPDX-License-Identifier: MIT
# long
about "when both processes are killed at once, with the disk mounted, ublk-ctl prune and an umount leave nothing"

allow_dmesg 'EXT4-fs|Buffer I/O error|JBD2|I/O error'
disk=$(start_disk mem --size 32M)
mkfs.ext4 -q "$disk"
mount "$disk" /mnt
on_exit 'umount /mnt 2>/dev/null || true'
kill_both "$disk"
expect_status 0 ublk-ctl prune
umount /mnt
wait_until 5 test ! -e "$disk"
