# SPDX-License-Identifier: MIT
about "a compressed image in an archive is a disk with its partitions, also when the way through it comes from a file; and nothing can be written to it"

modprobe ext4
mkdir "$case/mnt"
truncate -s 64M "$case/root.img"
printf ',32M\n,\n' | sfdisk -q "$case/root.img"
truncate -s 32M "$case/part"
mkfs.ext4 -q -d /tests "$case/part"
dd if="$case/part" of="$case/root.img" bs=1M seek=1 conv=notrunc status=none
(cd "$case" && zip -q images.zip root.img && zip -q0 stored.zip root.img)

mounts() {
	disk=$(start_disk zip "$@")
	expect "$(blockdev --getsize64 "$disk") $(blockdev --getro "$disk")" = "$((64 << 20)) 1"
	expect "$(sum <"$disk")" = "$(sum <"$case/root.img")"
	wait_until 10 test -b "${disk}p1"
	mount -o ro,noload "${disk}p1" "$case/mnt"
	on_exit "umount $case/mnt 2>/dev/null || true"
	expect "$(manifest "$case/mnt")" = "$(manifest /tests)"
	umount "$case/mnt"
	expect_status 1 dd if=/dev/zero of="$disk" bs=4k count=1 oflag=direct
	stop_disk "$disk"
}

mounts "$case/images.zip" --member root.img
mounts "$case/images.zip" --entry root.img --index=lazy
mounts "$case/images.zip" --member root.img --index-file "$case/index"
expect -s "$case/index"
before=$(stat -c %i "$case/index")
mounts "$case/images.zip" --member root.img --index-file "$case/index"
expect "$(stat -c %i "$case/index")" = "$before" # it was good
mounts "$case/stored.zip" --member root.img
