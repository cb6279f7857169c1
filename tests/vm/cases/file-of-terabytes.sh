# SPDX-License-Identifier: MIT
about "a disk of many terabytes in a sparse file holds what is written near its end, and near what is 4 GiB away"

modprobe ext4
image=$(scratch 16M)
mkfs.ext4 -q -b 4096 "$image"
mount -o loop "$image" /mnt
on_exit umount /mnt
tib=$((1 << 40))

for file in "$case/file" /mnt/file; do
	disk=$(start_disk file "$file" --create 12T)
	expect "$(blockdev --getsize64 "$disk")" = $((12 * tib))
	for place in 0 $((1 << 32)) $((11 * tib)) $((12 * tib - 8192)); do
		pattern 8K $place | write_at "$disk" $place
	done
	for place in 0 $((1 << 32)) $((11 * tib)) $((12 * tib - 8192)); do
		expect "$(read_at "$disk" $place 8K | sum)" = "$(pattern 8K $place | sum)"
		expect "$(read_at "$file" $place 8K | sum)" = "$(pattern 8K $place | sum)"
	done
	blkdiscard -o $((12 * tib - (1 << 30))) -l 1G "$disk"
	expect "$(read_at "$disk" $((12 * tib - 8192)) 8K | tr -d '\0' | wc -c)" = 0
	expect "$(read_at "$disk" $((1 << 32)) 8K | sum)" = "$(pattern 8K $((1 << 32)) | sum)"
	stop_disk "$disk"
done
