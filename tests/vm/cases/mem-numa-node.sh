# SPDX-License-Identifier: MIT
# vm: --numa
about "--numa takes the memory from that node, as numa_maps shows, and refuses one that is not there"

test -d /sys/devices/system/node/node1 || skip "this machine has one node"
pages=$(((16 << 10) / $(page_kib)))
for node in 0 1; do
	disk=$(start_disk mem --size 16M --numa $node)
	dd if=/dev/zero of="$disk" bs=1M count=16 oflag=direct conv=nocreat status=none
	grep "bind:$node.*anon=$pages" "/proc/$(worker_pid "$disk")/numa_maps" | grep -q "N$node=$pages" ||
		fail "$(cat "/proc/$(worker_pid "$disk")/numa_maps")"
	stop_disk "$disk"
done
expect_status 1 ublk-mem --size 16M --numa 9
expect_said 'no NUMA node 9'
