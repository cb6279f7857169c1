# SPDX-License-Identifier: MIT
about "by the way that --io=auto takes: xfs on a disk in a file on ext4 holds a tree of files, byte for byte, and fsck finds nothing in either"

modprobe -a ext4 xfs
image=$(scratch 500M)
mkfs.ext4 -q "$image"
mkdir "$case/outer" "$case/inner"
mount -o loop "$image" "$case/outer"
on_exit "umount $case/outer 2>/dev/null || true"
disk=$(start_disk file "$case/outer/disk" --create 320M)
mkfs.xfs -q "$disk"
mount "$disk" "$case/inner"
on_exit "umount $case/inner 2>/dev/null || true"
cp -a /usr/lib/modules "$case/inner/"
umount "$case/inner"
mount -o ro "$disk" "$case/inner"
expect "$(manifest "$case/inner/modules")" = "$(manifest /usr/lib/modules)"
umount "$case/inner"
expect_status 0 xfs_repair -n "$disk"
stop_disk "$disk"
umount "$case/outer"
expect_status 0 e2fsck -fn "$image"
