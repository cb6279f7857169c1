# SPDX-License-Identifier: MIT
about "what is discarded becomes a hole in the file, which takes no space and reads as zeroes; --discard=ignore offers no discard at all"

modprobe ext4
image=$(scratch 16M)
mkfs.ext4 -q "$image"
mount -o loop "$image" /mnt
on_exit umount /mnt
pattern 2M 1 >"$case/p"

# KiB that a file takes
taken() {
	du -k "$1" | cut -f 1
}

holes() {
	file=$1
	shift
	cp "$case/p" "$file"
	sync -f "$file"
	whole=$(taken "$file")
	expect "$whole" -ge 2048
	disk=$(start_disk file "$file" "$@")
	blkdiscard -o 512K -l 1M "$disk"
	expect "$(taken "$file")" -le $((whole - 1024))
	expect "$(read_at "$disk" 512K 1M | tr -d '\0' | wc -c)" = 0
	expect "$(stat -c %s "$file")" = 2097152
	blkdiscard "$disk"
	expect "$(taken "$file")" -le 64
	stop_disk "$disk"
}

holes "$case/file"
holes /mnt/file --direct-io=on
holes /mnt/file --direct-io=off

cp "$case/p" /mnt/file
disk=$(start_disk file /mnt/file --discard=ignore)
expect "$(cat "/sys/block/${disk#/dev/}/queue/discard_max_bytes")" = 0
expect_status 1 blkdiscard "$disk"
expect_said 'not supported'
expect "$(read_at "$disk" 0 2M | sum)" = "$(sum <"$case/p")"
blkdiscard -z -o 1M -l 1M "$disk"
expect "$(read_at "$disk" 1M 1M | tr -d '\0' | wc -c)" = 0
