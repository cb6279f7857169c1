# SPDX-License-Identifier: MIT
about "--autoclear takes the disk away when it was in use and is no more, and not before"

gone() {
	! test -e "$1" && ! kill -0 "$2" 2>/dev/null
}

disk=$(start_disk mem --size 32M --autoclear)
pid=$(server_pid "$disk")
dd if="$disk" of=/dev/null bs=64k count=1 status=none # who only looks in is no user
mkfs.ext4 -q "$disk" # but who writes is
wait_until 20 gone "$disk" "$pid"

disk=$(start_disk mem --size 32M --autoclear)
pid=$(server_pid "$disk")
exec 9<"$disk"
mkfs.ext4 -q "$disk"
mkdir "$case/mnt"
mount "$disk" "$case/mnt"
exec 9<&-
pattern 1M 1 >"$case/mnt/a"
expect -b "$disk"
umount "$case/mnt"
wait_until 20 gone "$disk" "$pid"
