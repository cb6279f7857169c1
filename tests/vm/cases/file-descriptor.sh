# SPDX-License-Identifier: MIT
about "--fd serves what is open already, also a file that has no name any more, and as it was opened: for reading only, or not at all"

image=$(scratch 1M)
exec 5<>"$image"
rm "$image"
flags=$(grep flags "/proc/$$/fdinfo/5")
disk=$(start_disk file --fd 5)
pattern 64K 1 | write_at "$disk" 4096
stop_disk "$disk"
expect "$(read_at /proc/self/fd/5 4096 64K | sum)" = "$(pattern 64K 1 | sum)"
# ours is as it was
expect "$(grep flags "/proc/$$/fdinfo/5")" = "$flags"
exec 5>&-

pattern 1M 2 >"$case/file"
exec 5<"$case/file"
disk=$(start_disk file --fd 5)
expect "$(blockdev --getro "$disk")" = 1
expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 2 | sum)"
stop_disk "$disk"
exec 5>>"$case/file"
expect_status 1 timeout 10 ublk-file --fd 5
expect_said 'descriptor 5 is open for writing only'
exec 5>&-
expect_status 1 timeout 10 ublk-file --fd 5
expect_said 'cannot use descriptor 5: Bad file descriptor'
expect_status 2 ublk-file --fd 5 "$case/file"
expect_said '--fd and a path exclude each other'

# what holds for paths holds for descriptors: served once, and no longer than that
exec 5<>"$case/file"
disk=$(start_disk file --fd 5)
expect_status 5 timeout 10 ublk-file --fd 5
expect_status 5 timeout 10 ublk-file "$case/file"
stop_disk "$disk"
expect_status 0 ublk-file "$case/file" -- true
exec 5>&-
modprobe ext4
modprobe brd rd_nr=1 rd_size=8192
on_exit rmmod brd
mkfs.ext4 -q /dev/ram0
mount /dev/ram0 /mnt
on_exit umount /mnt
exec 5<>/dev/ram0
expect_status 5 timeout 10 ublk-file --fd 5
expect_said 'in use: it is mounted, or part of another device'
exec 5>&-
