# SPDX-License-Identifier: MIT
about "swap on a disk in memory and on one in a file, with --mlock: what does not fit into a cgroup goes there, and comes back as it was"

requires hog
mkdir /sys/fs/cgroup/narrow
on_exit rmdir /sys/fs/cgroup/narrow
test -e /sys/fs/cgroup/narrow/memory.swap.max || skip "this kernel has no memory cgroups with swap"
echo 12M >/sys/fs/cgroup/narrow/memory.high
for disk in "$(start_disk mem 48M --mlock)" "$(start_disk file "$(scratch 48M)" --mlock)"; do
	mkswap "$disk" >/dev/null
	swapon "$disk"
	on_exit "swapoff $disk 2>/dev/null || true"
	# shellcheck disable=SC2016 # the inner shell expands
	sh -c 'echo $$ >/sys/fs/cgroup/narrow/cgroup.procs && exec hog 32 1'
	expect "$(counted "$disk" written_bytes)" -gt 15000000
	swapoff "$disk"
	stop_disk "$disk"
done
expect "$(awk '/^oom_kill / { print $2 }' /sys/fs/cgroup/narrow/memory.events)" = 0
