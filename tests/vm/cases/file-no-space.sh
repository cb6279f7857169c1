# SPDX-License-Identifier: MIT
about "on a full file system the writer is told so, what was there stays, and when there is space again it can be written"

modprobe ext4
image=$(scratch 4M)
mkfs.ext4 -q "$image"
mkdir "$case/tmpfs"
mount -t tmpfs -o size=2M none "$case/tmpfs"
on_exit umount "$case/tmpfs"
mount -o loop "$image" /mnt
on_exit umount /mnt
pattern 32K 1 >"$case/p"

# fill DIR OPTION...
fill() {
	dir=$1
	shift
	dd if=/dev/zero of="$dir/ballast" bs=512k count=1 status=none
	disk=$(start_disk file "$dir/file" --create 64M "$@")
	write_at "$disk" 32M <"$case/p"
	expect_status 1 dd if=/dev/zero of="$disk" bs=256k count=100 oflag=direct conv=notrunc,nocreat
	expect_said 'No space left on device'
	expect "$(read_at "$disk" 32M 32K | sum)" = "$(sum <"$case/p")"
	rm "$dir/ballast"
	write_at "$disk" 40M <"$case/p"
	expect "$(read_at "$disk" 40M 32K | sum)" = "$(sum <"$case/p")"
	stop_disk "$disk"
	rm "$dir/file"
}

fill "$case/tmpfs"
fill /mnt --direct-io=on
fill /mnt --direct-io=off
fill /mnt --direct-io=on --io=user-copy
