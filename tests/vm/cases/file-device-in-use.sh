# SPDX-License-Identifier: MIT
about "a block device that is mounted or part of another is not written to; and one that is served can be neither"

requires dmsetup
export DM_DISABLE_UDEV=1 # nobody else makes the nodes
modprobe -a dm-mod ext4
modprobe brd rd_nr=1 rd_size=8192
on_exit rmmod brd
mkfs.ext4 -q /dev/ram0
mount /dev/ram0 /mnt
on_exit 'umount /mnt 2>/dev/null || true'
expect_status 5 timeout 10 ublk-file /dev/ram0
expect_said '/dev/ram0 is in use: it is mounted, or part of another device' 'unmount it first, or serve it --read-only'
# looking does no harm
expect_status 0 ublk-file /dev/ram0 --read-only -- true
expect_status 0 ublk-file /dev/ram0 --cow -- true
umount /mnt
dmsetup create part --table '0 1024 linear /dev/ram0 0'
on_exit 'DM_DISABLE_UDEV=1 dmsetup remove part 2>/dev/null || true'
expect_status 5 timeout 10 ublk-file /dev/ram0
expect_said '/dev/ram0 is in use: it is mounted, or part of another device'
dmsetup remove part
disk=$(start_disk file /dev/ram0)
expect_status 32 mount /dev/ram0 /mnt
expect_status 1 dmsetup create part --table '0 1024 linear /dev/ram0 0'
stop_disk "$disk"
mount /dev/ram0 /mnt
umount /mnt
