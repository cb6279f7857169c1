# SPDX-License-Identifier: MIT
about "ublk-ctl stats tells what a disk in memory holds, has held and gave back, and whether a file is read past the page cache"

disk=$(start_disk mem 8M --limit 4M)
number() {
	counted "$disk" "$1"
}
expect "$(number mem_size_bytes) $(number mem_limit_bytes) $(number mem_used_bytes)" = "$((8 << 20)) $((4 << 20)) 0"
pattern 1M | write_at "$disk" 0
pattern 8K | write_at "$disk" 2M
expect "$(number mem_used_bytes) $(number mem_hole_bytes)" = "$(((1 << 20) + 8192)) $(((7 << 20) - 8192))"
pattern 1M 2 | write_at "$disk" 0 # over what is there
expect "$(number mem_used_bytes)" = $(((1 << 20) + 8192))
blkdiscard -o 0 -l 524288 "$disk"
blkdiscard -o 4M -l 1M "$disk" # where nothing is
expect "$(number mem_used_bytes) $(number mem_freed_bytes)" = "$((524288 + 8192)) 524288"
expect "$(number mem_peak_bytes)" = $(((1 << 20) + 8192))
expect_status 1 dd if=/dev/zero of="$disk" bs=1M oflag=direct
expect "$(number write_errors)" -ge 1
expect "$(number mem_used_bytes)" -le $((4 << 20))
expect "$(($(number mem_used_bytes) + $(number mem_hole_bytes)))" = $((8 << 20))
stop_disk "$disk"

img=$(scratch 4M)
disk=$(start_disk mem --image "$img")
expect "$(number mem_used_bytes) $(number mem_hole_bytes)" = "0 $((4 << 20))"
stop_disk "$disk"

disk=$(start_disk file --cow "$img")
pattern 64K | write_at "$disk" 0
expect "$(number mem_used_bytes) $(number file_direct_io) $(number file_buffered_fallback)" = "65536 0 0"
stop_disk "$disk"

# direct I/O can be had on ext4, but not where an odd offset stands
truncate -s 32M "$case/ext4"
mkfs.ext4 -q -b 4096 "$case/ext4"
mount -o loop "$case/ext4" /mnt
on_exit 'umount /mnt 2>/dev/null || true'
truncate -s 4M /mnt/file
disk=$(start_disk file /mnt/file)
expect "$(number file_direct_io) $(number file_buffered_fallback)" = "1 0"
stop_disk "$disk"
disk=$(start_disk file /mnt/file --offset 100)
expect "$(number file_direct_io) $(number file_buffered_fallback)" = "0 1"
stop_disk "$disk"
umount /mnt
