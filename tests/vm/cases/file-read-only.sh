# SPDX-License-Identifier: MIT
about "--read-only opens the file for reading only; a file that cannot be written makes a read-only disk by itself, and that is said"

modprobe -a ext4 loop
image=$(scratch 16M)
mkfs.ext4 -q "$image"
mount -o loop "$image" /mnt
on_exit 'chattr -i /mnt/file 2>/dev/null; umount /mnt'
pattern 64K 1 >/mnt/file

# read_only DISK - it is one, what is in $file can be read, and the server could not write there if it wanted to
read_only() {
	expect "$(blockdev --getro "$1")" = 1
	expect_status 1 dd if=/dev/zero of="$1" bs=4k count=1 oflag=direct conv=nocreat
	expect "$(read_at "$1" 0 64K | sum)" = "$(pattern 64K 1 | sum)"
	test ! -b "$file" || return 0
	for pid in $(server_pid "$1") $(worker_pid "$1"); do
		find "/proc/$pid/fd" -lname "$file" | sed 's,/fd/,/fdinfo/,' | xargs awk '/^flags/ { print $2 % 8 }' >"$case/flags"
		expect "$(cat "$case/flags")" = 0 # O_RDONLY
	done
}

file=/mnt/file
disk=$(start_disk file $file --read-only)
read_only "$disk"
expect "$(server_said "$disk")" = ""
stop_disk "$disk"
# by_itself WORDS - and that is said
by_itself() {
	disk=$(start_disk file "$file")
	read_only "$disk"
	server_said "$disk" >"$case/said"
	expect_said "$file $1"
	stop_disk "$disk"
}
chattr +i $file
by_itself 'cannot be written, so the disk is read-only'
chattr -i $file
mount -o remount,ro /mnt
by_itself 'cannot be written, so the disk is read-only'
file=$(losetup -f --show -r $file)
on_exit losetup -d "$file"
by_itself 'is a read-only device, and so is the disk'
