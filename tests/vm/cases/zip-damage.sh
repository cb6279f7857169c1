# SPDX-License-Identifier: MIT
about "where an archive is damaged, or becomes shorter while it is mounted, the files that it hits cannot be read, the others can, and the server lives"

modprobe erofs
mkdir "$case/tree" "$case/mnt"
pattern 4M 1 >"$case/tree/1-first"
pattern 4M 2 >"$case/tree/2-hit"
pattern 4M 3 >"$case/tree/3-last"
pattern 64K 4 >"$case/tree/4-small"
(cd "$case/tree" && zip -qr ../tree.zip 1-first 2-hit 3-last 4-small)

reads() {
	expect "$(sum <"$case/mnt/$1")" = "$(sum <"$case/tree/$1")"
}

fails() {
	expect_status 1 dd if="$case/mnt/$1" of=/dev/null bs=1M
	expect_said 'Input/output error'
}

cp "$case/tree.zip" "$case/damaged.zip"
# in the midst of the second member
size=$(stat -c %s "$case/tree.zip")
printf 'damaged' | dd of="$case/damaged.zip" bs=1 seek=$((size / 2)) conv=notrunc status=none
disk=$(start_disk zip "$case/damaged.zip")
mount -t erofs -o ro "$disk" "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
fails 2-hit
for file in 1-first 3-last 4-small; do reads $file; done
umount "$case/mnt"
server_said "$disk" | grep -q '2-hit cannot be read' || fail "the server said: $(server_said "$disk")"
stop_disk "$disk"
expect_status 1 ublk-zip --verify "$case/damaged.zip"
expect_said 'is damaged'

disk=$(start_disk zip "$case/tree.zip")
mount -t erofs -o ro "$disk" "$case/mnt"
reads 1-first
truncate -s $((size / 2)) "$case/tree.zip"
reads 1-first # the kernel has it
fails 3-last
fails 4-small
umount "$case/mnt"
stop_disk "$disk"
