# SPDX-License-Identifier: MIT
about "reading a disk does not fill the holes of its file, and a write fills no more than it must"

modprobe ext4
image=$(scratch 64M)
mkfs.ext4 -q "$image"
mount -o loop "$image" /mnt
on_exit umount /mnt

# KiB that a file takes
taken() {
	du -k "$1" | cut -f 1
}

# somebody else's, whose pages the server may not ask for: it has no rights any more
for mode in get-data user-copy; do
	for options in --read-only ""; do
		truncate -s 32M "$case/file"
		chown 1000:1000 "$case/file"
		chmod 644 "$case/file"
		disk=$(start_disk file "$case/file" --io=$mode $options)
		dd if="$disk" of=/dev/null bs=1M iflag=direct status=none
		expect "$mode $options: $(taken "$case/file")" = "$mode $options: 0"
		stop_disk "$disk"
		rm "$case/file"
	done
done

for file in "$case/file" /mnt/file; do
	for mode in get-data user-copy; do
		disk=$(start_disk file "$file" --create 32M --io=$mode)
		dd if="$disk" of=/dev/null bs=1M iflag=direct status=none
		expect "$(taken "$file")" = 0
		pattern 8K 1 | write_at "$disk" 10244K
		expect "$(read_at "$disk" 10240K 16K | tr -d '\0' | sum)" = "$(pattern 8K 1 | sum)"
		dd if="$disk" of=/dev/null bs=1M iflag=direct status=none
		expect "$(taken "$file")" -le 64
		stop_disk "$disk"
		rm "$file"
	done
done
