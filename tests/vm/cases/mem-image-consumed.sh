# SPDX-License-Identifier: MIT
# vm: --mem 512M
# timeout: 300
about "with --consume an image of most of the free memory becomes the disk, never there twice, in a tmpfs and in a ramfs"

mounted=$(mktemp -d "$case/mounted.XXXXXX")
image=$mounted/image
on_exit "umount $mounted 2>/dev/null || true"
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
free=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo) # MiB
most=$((free * 6 / 10))
head -c 1048568 /dev/urandom >"$case/rest"
cat >"$case/inside" <<-'END'
	#!/bin/sh
	echo $$ >/sys/fs/cgroup/eater/cgroup.procs
	exec "$@"
END
chmod +x "$case/inside"

# fill FILESYSTEM - the image, each MiB of which has a number, with memory of a group that counts it
fill() {
	mkdir /sys/fs/cgroup/eater
	on_exit "rmdir /sys/fs/cgroup/eater 2>/dev/null || true"
	mount -t "$1" -o size=90% none "$mounted"
	"$case/inside" sh -c "for n in \$(seq $most); do printf '%08d' \$n && cat $case/rest; done >$image"
}

peak() {
	echo $(($(cat /sys/fs/cgroup/eater/memory.peak) / 1048576))
}

# consume WHERE - it is loaded, and what was there before is there again
consume() {
	before=$(peak)
	start_with="$case/inside"
	disk=$(start_disk mem --image "$image" --consume)
	start_with=
	more=$(($(peak) - before))
	remark "$most MiB in a $1, of $free MiB of free memory: $more MiB more while they were loaded"
	expect "$before" -ge $most
	expect $more -le 8
	expect ! -e "$image"
	umount "$mounted"
	expect "$(blockdev --getsize64 "$disk")" = $((most * 1048576))
	expect "$(read_at "$disk" 0 ${most}M | sum)" = "$whole"
	stop_disk "$disk"
	rmdir /sys/fs/cgroup/eater
}

fill tmpfs
whole=$(sum <"$image")
expect_status 125 ublk-mem --image "$image" -- true
expect_said "does not fit into the memory that may be used"
consume tmpfs
fill ramfs
consume ramfs
