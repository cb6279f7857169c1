# SPDX-License-Identifier: MIT
about "'ublk-ctl boot' finds file systems by label and UUID, and partitions by theirs, where there is no udev"

requires mkfs.ext4 mkfs.xfs mkfs.erofs sfdisk blkid
modprobe -a brd xfs erofs loop
on_exit "ublk-ctl del -a; umount /run/initramfs/ublk/* 2>/dev/null; rm -r /run/initramfs"

number=0
label_of() {
	blkid -p -s "$2" -o value "$1"
}
# finds SOURCE - quoted, as it may have a blank
finds() {
	echo "ublk.file=\"$1\",ro,id=$number" >"$case/line"
	expect "$(ublk-ctl boot --cmdline="$case/line")" = "/dev/ublkb$number"
	expect "$(read_at "/dev/ublkb$number" 0 65536 | sum)" = "$(sum <"$case/tree/disk.img")"
	number=$((number + 1))
}
# does_not_find SOURCE
does_not_find() {
	echo "ublk.file=\"$1\",ro,id=99" >"$case/line"
	expect_status 6 ublk-ctl boot --cmdline="$case/line"
	expect_said "is not there yet"
}
mkdir "$case/tree"
pattern 65536 >"$case/tree/disk.img"

truncate -s 24M "$case/ext4" "$case/none"
mkfs.ext4 -q -d "$case/tree" -L "a label" "$case/ext4"
mkfs.erofs --quiet -L sixteen "$case/erofs" "$case/tree" 2>/dev/null || mkfs.erofs --quiet "$case/erofs" "$case/tree"
truncate -s 320M "$case/xfs"
mkfs.xfs -q -L twelve_bytes "$case/xfs"
mount -o loop "$case/xfs" /mnt
cp "$case/tree/disk.img" /mnt/
umount /mnt

for type in ext4 erofs xfs; do
	loop=$(losetup --find --show "$case/$type")
	on_exit "losetup -d $loop"
	uuid=$(label_of "$loop" UUID) label=$(label_of "$loop" LABEL)
	finds "UUID=$uuid:/disk.img"
	finds "UUID=$(echo "$uuid" | tr a-f A-F):/disk.img"
	test -z "$label" || finds "LABEL=$label:/disk.img"
	does_not_find "UUID=${uuid%?}:/disk.img"
	does_not_find "UUID=${uuid}0:/disk.img"
	does_not_find "LABEL=${label}x:/disk.img"
done
# a partition is a device like others
echo 'label: gpt
size=16M, uuid=0FC63DAF-8483-4772-8E79-3D69D8477DE4' | sfdisk -q "$case/none"
dd if="$case/tree/disk.img" of="$case/none" bs=512 seek=2048 conv=notrunc status=none
loop=$(losetup --find --show --partscan "$case/none")
on_exit "losetup -d $loop"
wait_until 10 test -b "${loop}p1"
if grep -q PARTUUID "/sys/class/block/${loop##*/}p1/uevent"; then
	finds PARTUUID=0fc63daf-8483-4772-8e79-3d69d8477de4
	does_not_find PARTUUID=0fc63daf-8483-4772-8e79-3d69d8477de
fi

# what udev says goes before what is looked for
mkdir -p /dev/disk/by-label
on_exit "rm -r /dev/disk"
ln -s "../../${loop##*/}p1" /dev/disk/by-label/elsewhere
finds LABEL=elsewhere
