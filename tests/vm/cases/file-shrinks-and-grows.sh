# SPDX-License-Identifier: MIT
about "when the file is cut under the disk who reads beyond its end gets an error, the server lives, and all is well when it has grown again"

modprobe ext4
image=$(scratch 8M)
mkfs.ext4 -q "$image"
mount -o loop "$image" /mnt
on_exit umount /mnt
pattern 256K 1 >"$case/p"
pattern 16K 2 >"$case/new"

# unreadable PLACE LENGTH
unreadable() {
	expect_status 1 dd if="$disk" of=/dev/null bs="$2" count=1 skip="$1" iflag=direct,skip_bytes
	expect_said 'Input/output error'
}

# cut_under FILE OPTION... - from 256K to 75K
cut_under() {
	file=$1
	shift
	cp "$case/p" "$file"
	disk=$(start_disk file "$file" --queues 1 "$@")
	truncate -s 75K "$file"
	unreadable 76K 4k
	unreadable 252K 4k
	unreadable 72K 8k # a part of it is there
	expect "$(dd if="$disk" bs=24k count=2 skip=24k iflag=direct,skip_bytes status=none | sum)" = \
		"$(dd if="$case/p" bs=24k count=2 skip=1 status=none | sum)"
	truncate -s 256K "$file"
	expect "$(read_at "$disk" 128K 128K | tr -d '\0' | wc -c)" = 0
	write_at "$disk" 240K <"$case/new"
	expect "$(read_at "$file" 240K 16K | sum)" = "$(sum <"$case/new")"
	expect "$(read_at "$disk" 0 75K | sum)" = "$(read_at "$case/p" 0 75K | sum)"
	stop_disk "$disk"
}

cut_under "$case/file"
cut_under "$case/file" --io=user-copy
cut_under /mnt/file --direct-io=on
cut_under /mnt/file --direct-io=off
cut_under /mnt/file --direct-io=on --io=user-copy
