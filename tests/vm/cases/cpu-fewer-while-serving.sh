# SPDX-License-Identifier: MIT
# vm: --smp 4
about "a server whose cpuset shrinks, even to processors that none of its queues is for, serves on"

mkdir /sys/fs/cgroup/set
on_exit rmdir /sys/fs/cgroup/set
test -e /sys/fs/cgroup/set/cpuset.cpus || skip "this kernel has no cpuset"
echo 0-3 >/sys/fs/cgroup/set/cpuset.cpus
cat >"$case/inside" <<-'END'
	echo $$ >/sys/fs/cgroup/set/cgroup.procs
	exec "$@"
END
start_with="sh $case/inside"
disk=$(start_disk mem --size 16M --queues 4 --supervise)
start_with=
for cpus in 0-1 3 0,2; do
	echo $cpus >/sys/fs/cgroup/set/cpuset.cpus
	pattern 256K "$cpus" >"$case/p"
	for cpu in 0 1 2 3; do
		taskset -c $cpu dd if="$case/p" of="$disk" bs=64k seek=$((cpu * 4)) oflag=direct conv=nocreat,notrunc status=none
		taskset -c $cpu dd if="$disk" bs=256k skip=$cpu count=1 iflag=direct status=none | cmp - "$case/p"
	done
	# another worker finds the set as it is now
	kill -KILL "$(worker_pid "$disk")"
done
expect "$(read_at "$disk" 0 256K | sum)" = "$(sum <"$case/p")"
stop_disk "$disk"
