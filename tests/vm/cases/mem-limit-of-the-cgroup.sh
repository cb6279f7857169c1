# SPDX-License-Identifier: MIT
about "in a memory cgroup the writer gets ENOSPC before anybody is killed"

mkdir /sys/fs/cgroup/small
on_exit rmdir /sys/fs/cgroup/small
echo +memory >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
test -e /sys/fs/cgroup/small/memory.max || skip "this kernel has no memory cgroups"
echo 80M >/sys/fs/cgroup/small/memory.max
start_with='sh -c "echo $$ >/sys/fs/cgroup/small/cgroup.procs && exec \"\$@\"" sh'
cat >"$case/inside" <<-'END'
	#!/bin/sh
	echo $$ >/sys/fs/cgroup/small/cgroup.procs
	exec "$@"
END
chmod +x "$case/inside"
start_with="$case/inside"
disk=$(start_disk mem --size 256M)
expect_status 1 dd if=/dev/zero of="$disk" bs=1M count=256 oflag=direct conv=nocreat
expect_said 'No space left on device'
written=$(sed -n 's/^\([0-9]*\)+.* out/\1/p' "$case/said")
expect "$written" -ge 16
expect "$written" -le 80
expect "$(awk '/^oom_kill / { print $2 }' /sys/fs/cgroup/small/memory.events)" = 0
expect "$(read_at "$disk" 0 4k | wc -c)" = 4096
stop_disk "$disk"
