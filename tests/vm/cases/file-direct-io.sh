# SPDX-License-Identifier: MIT
about "direct I/O leaves nothing of the file in the page cache; it is taken where it can be had, and --direct-io=on says why where it cannot"

modprobe -a ext4 loop
image=$(scratch 16M)
mkfs.ext4 -q "$image"
mount -o loop "$image" /mnt
on_exit umount /mnt
truncate -s 2M /mnt/file
pattern 1M 1 >"$case/p"

# KiB of a file that are in the page cache, after a MiB went to it and came back through a disk
cached() {
	disk=$(start_disk file /mnt/file "$@")
	write_at "$disk" 0 <"$case/p"
	expect "$(read_at "$disk" 0 1M | sum)" = "$(sum <"$case/p")"
	stop_disk "$disk"
	fincore -n -b -o RES /mnt/file
}
expect "$(cached --direct-io=on)" -le 65536
expect "$(cached --cache=none)" -le 65536
expect "$(cached)" -le 65536
expect "$(cached --direct-io=off)" -ge 1048576

# on a file system that knows no direct I/O
mkdir "$case/ramfs"
mount -t ramfs none "$case/ramfs"
on_exit umount "$case/ramfs"
truncate -s 1M "$case/ramfs/file"
for option in --direct-io=on --cache=none; do
	expect_status 1 timeout 10 ublk-file "$case/ramfs/file" $option
	expect_said "^ublk-file: --direct-io=on: $case/ramfs/file: the file system cannot do it$"
done
expect_status 0 ublk-file "$case/ramfs/file" -- true

# on a device that wants larger pieces
large=$(losetup -f --show --sector-size 4096 "$(scratch 4M)")
on_exit losetup -d "$large"
expect_status 1 timeout 10 ublk-file "$large" --direct-io=on --sector-size 512
expect_said "$large: it needs larger sectors"
expect_status 1 timeout 10 ublk-file "$large" --direct-io=on --offset 512
expect_said "$large: --offset is not aligned"
disk=$(start_disk file "$large" --direct-io=on)
expect "$(blockdev --getss "$disk")" = 4096
stop_disk "$disk"
disk=$(start_disk file "$large" --sector-size 512 -v)
server_said "$disk" | grep -q 'no direct I/O: it needs larger sectors'
dd if="$case/p" of="$disk" bs=512 seek=3 count=3 oflag=direct conv=notrunc,nocreat,fsync status=none
expect "$(read_at "$large" 1536 1536 | sum)" = "$(head -c 1536 "$case/p" | sum)"
stop_disk "$disk"
expect_status 2 ublk-file "$case/file" --cache=none --direct-io=off
expect_said '--cache=none and --direct-io=off exclude each other'
