# SPDX-License-Identifier: MIT
about "an archive is served from tmpfs, ext4, a block device and an open descriptor, to its owner, for the length of a command"

modprobe -a ext4 erofs
mkdir "$case/tree" "$case/mnt" "$case/ext4"
pattern 2M 1 >"$case/tree/deflated"
head -c 2000000 /dev/urandom >"$case/tree/stored"
(cd "$case/tree" && zip -q ../tree.zip deflated stored)
image=$(scratch 32M)
mkfs.ext4 -q "$image"
mount -o loop "$image" "$case/ext4"
on_exit umount "$case/ext4"
cp "$case/tree.zip" "$case/ext4/"
size=$(stat -c %s "$case/tree.zip")
loop=$(losetup -f --show --sizelimit $(((size + 511) / 512 * 512)) "$case/tree.zip")
on_exit losetup -d "$loop"

whole() {
	# shellcheck disable=SC2016 # the inner shell expands
	expect_status 0 "$@" -- sh -euc 'mount -t erofs -o ro "$UBLK_DEV" "$0/mnt"
		cmp "$0/mnt/deflated" "$0/tree/deflated" && cmp "$0/mnt/stored" "$0/tree/stored"
		stat -c %u:%g "$0/mnt/stored"; umount "$0/mnt"' "$case"
	expect_said "${owner:-0:0}"
}

whole ublk-zip "$case/tree.zip"
whole ublk-zip "$case/ext4/tree.zip"
exec 5<"$case/tree.zip"
whole ublk-zip --fd 5
exec 5<&-
owner=1000:100 whole ublk-zip "$case/tree.zip" --owner 1000:100

# a comment, as long as it takes, lets it end where a device does; and what udev does to the node is no change of it
rest=$(((512 - size % 512) % 512))
cp "$case/tree.zip" "$case/whole.zip"
printf '%b' "$(printf '\\0%03o\\0%03o' $((rest % 256)) $((rest / 256)))" | write_at "$case/whole.zip" $((size - 2))
truncate -s $((size + rest)) "$case/whole.zip"
device=$(losetup -f --show "$case/whole.zip")
on_exit losetup -d "$device"
disk=$(start_disk zip "$device")
touch "$device"
mount -t erofs -o ro "$disk" "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
cmp "$case/mnt/deflated" "$case/tree/deflated"
cmp "$case/mnt/stored" "$case/tree/stored"
umount "$case/mnt"
stop_disk "$disk"

# what follows an archive on a device is not part of it, and could be of another: it is not guessed
expect_status 1 ublk-zip "$loop"
