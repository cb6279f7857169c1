# SPDX-License-Identifier: MIT
about "ublk-ctl refuses to stop what is in use and says who uses it, waits with --wait, and insists with --force"

disk=$(start_disk mem --size 32M)
id=${disk#/dev/ublkb}
mkfs.ext4 -q "$disk"
mkdir -p /mnt
mount "$disk" /mnt
on_exit "umount /mnt 2>/dev/null || true"
expect_status 5 ublk-ctl del "$id"
expect_said 'in use: mounted at /mnt'
umount /mnt
exec 7<"$disk"
expect_status 5 ublk-ctl stop "$disk"
expect_said "in use: open in process $$"
( exec 8<"$disk"; exec 7<&-; read -r line <"$case/fifo" || true ) 2>/dev/null &
exec 7<&-
kill $! 2>/dev/null || true
wait $! 2>/dev/null || true
expect_status 0 ublk-ctl stop --wait 5 "$id"
expect "$(server_status "$disk")" = 0
disk=$(start_disk mem --size 32M)
exec 7<"$disk"
expect_status 0 ublk-ctl stop --force "$disk"
exec 7<&-
expect "$(server_status "$disk")" = 0
expect_status 2 ublk-ctl stop
expect_status 2 ublk-ctl del
