# SPDX-License-Identifier: MIT
# kernels: >=6.16
about "ublk-ctl resize lets a disk follow its file, both ways, mounted too, and takes back what the file has not got"

file=$(scratch 64M)
disk=$(start_disk file "$file")
size() {
	blockdev --getsize64 "$disk"
}
expect_status 1 ublk-ctl resize "$disk" 128M
expect_said 'smaller than 134217728 bytes'
expect "$(size)" = $((64 << 20))

mkfs.ext4 -q "$disk"
mkdir "$case/mnt"
mount "$disk" "$case/mnt"
on_exit umount "$case/mnt"
pattern 8M 1 >"$case/mnt/a"
truncate -s 128M "$file"
ublk-ctl resize "$disk" 128M
expect "$(size)" = $((128 << 20))
resize2fs "$disk" 2>/dev/null >&2 || fail "resize2fs"
pattern 80M 2 >"$case/mnt/b" # more than there was
expect "$(sum <"$case/mnt/b")" = "$(pattern 80M 2 | sum)"
expect "$(sum <"$case/mnt/a")" = "$(pattern 8M 1 | sum)"

expect_status 5 ublk-ctl resize "$disk" 64M
expect_said 'is in use'
umount "$case/mnt"
e2fsck -fn "$disk" >/dev/null || fail "e2fsck"
ublk-ctl resize "$disk" 64M
expect "$(size)" = $((64 << 20))

expect_status 1 ublk-ctl resize "$disk" 1000
expect_said 'no multiple'
expect_status 2 ublk-ctl resize "$disk" much
expect_status 2 ublk-ctl resize "$disk" 0
expect_status 2 ublk-ctl resize "$disk"
other=$(start_disk mem --size 16M)
expect_status 4 ublk-ctl resize "$other" 32M
expect_said 'no disk of ublk-file'
