# SPDX-License-Identifier: MIT
about "a mounted disk that may have another server is stopped at once, and what ext4 had in memory was written before"

# is_used DISK - its server has been told to stop, and waits
is_used() {
	server_said "$1" | grep -q 'is in use'
}
# holds_what_was_written FILE OFFSET - after a replay of the journal, as after any sudden end
holds_what_was_written() {
	tail -c "+$(($2 + 1))" "$1" >"$case/plain"
	e2fsck -fy "$case/plain" >/dev/null 2>&1 || test $? = 1
	mount -o loop,ro "$case/plain" "$case/mnt"
	cmp "$case/mnt/file" "$case/tree"
	umount "$case/mnt"
}

mkdir "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
pattern 8M 5 >"$case/tree"

disk=$(start_disk mem --size 64M --save "$case/saved" --supervise)
mkfs.ext4 -q "$disk"
mount "$disk" "$case/mnt"
cp "$case/tree" "$case/mnt/file"
kill -TERM "$(server_pid "$disk")"
wait_until 20 is_used "$disk"
kill -TERM "$(server_pid "$disk")"
expect "$(server_status "$disk")" = 0
umount "$case/mnt"
holds_what_was_written "$case/saved" 0

truncate -s 64M "$case/image"
printf 'label: dos\nstart=2048\n' | sfdisk -q "$case/image" >/dev/null
disk=$(start_disk file "$case/image" --supervise)
wait_until 5 test -b "${disk}p1"
mkfs.ext4 -q "${disk}p1"
mount "${disk}p1" "$case/mnt"
cp "$case/tree" "$case/mnt/file"
ublk-ctl del --force "$disk"
expect "$(server_status "$disk")" = 0
umount "$case/mnt"
holds_what_was_written "$case/image" 1048576
