# SPDX-License-Identifier: MIT
about "--read-only disks refuse writes"

image=$(scratch 4M)
pattern 4M 3 | write_at "$image" 0
disk=$(start_disk mem --image "$image" --read-only)
expect "$(blockdev --getro "$disk")" = 1
expect_status 1 dd if=/dev/zero of="$disk" bs=4k count=1 oflag=direct conv=nocreat
# a writer that the block layer lets through all the same: device mapper opens read-only and is told to write
expect "$(read_at "$disk" 0 4M | sum)" = "$(sum <"$image")"
