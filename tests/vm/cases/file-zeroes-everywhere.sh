# SPDX-License-Identifier: MIT
about "blkdiscard -z makes exactly its sectors zero on every kind of file and device, also where the file system has no call for that"

modprobe -a ext4 loop
pattern 64K 1 >"$case/p"
mkdir "$case/extents" "$case/blocks" "$case/ramfs"
mkfs.ext4 -q "$(scratch 8M | tee "$case/image")"
mount -o loop "$(cat "$case/image")" "$case/extents"
on_exit umount "$case/extents"
# as ext3 was: no FALLOC_FL_ZERO_RANGE there
mkfs.ext4 -q -O ^extent,^64bit "$(scratch 8M | tee "$case/image")"
mount -o loop "$(cat "$case/image")" "$case/blocks"
on_exit umount "$case/blocks"
# no fallocate() at all
mount -t ramfs none "$case/ramfs"
on_exit umount "$case/ramfs"
loop=$(losetup -f --show "$(scratch 1M)")
on_exit losetup -d "$loop"

{ head -c 1536 "$case/p"; head -c 30208 /dev/zero; tail -c +31745 "$case/p"; } >"$case/expected"
expected=$(sum <"$case/expected")

zero() {
	file=$1
	shift
	dd if="$case/p" of="$file" bs=1M conv=notrunc,fsync status=none
	disk=$(start_disk file "$file" -vv "$@")
	blkdiscard -z -o 1536 -l 30208 "$disk"
	expect "$file $*: $(read_at "$disk" 0 64K | sum)" = "$file $*: $expected"
	! server_said "$disk" | grep 'answer -' || fail "the kernel had to help"
	stop_disk "$disk"
	expect "$file $*: $(head -c 65536 "$file" | sum)" = "$file $*: $expected"
}

for place in "$case/file" "$case/extents/file" "$case/blocks/file" "$case/ramfs/file" "$loop"; do
	zero "$place"
done
zero "$case/blocks/file" --direct-io=off
