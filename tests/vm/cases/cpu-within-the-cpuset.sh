# SPDX-License-Identifier: MIT
# vm: --smp 4
about "a queue whose CPUs are all outside our own is not pinned, and that is said once"

start_with="taskset -c 3"
disk=$(start_disk null --queues 2)
expect "$(server_said "$disk" | grep -c 'not pinned')" = 1
for task in "/proc/$(worker_pid "$disk")"/task/*; do
	expect "$(awk '/^Cpus_allowed_list/ { print $2 }' "$task/status")" = 3
done
dd if="$disk" of=/dev/null bs=4k count=10 iflag=direct status=none
