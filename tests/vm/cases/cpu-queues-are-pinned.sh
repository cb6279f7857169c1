# SPDX-License-Identifier: MIT
# vm: --smp 4
about "each queue thread may run where the kernel queues its requests, and nowhere else; --cpu-affinity changes that"

# CPUs of the threads of a disk's queues, in order
cpus() {
	local task

	for task in "/proc/$(worker_pid "$1")"/task/*; do
		case $(cat "$task/comm") in
		ublk-q*) awk '/^Cpus_allowed_list/ { print $2 }' "$task/status" ;;
		esac
	done | tr '\n' ' '
}

# The CPUs that the kernel says feed them
wanted() {
	local queue=0 mq="/sys/block/${1##*/}/mq"

	while test -d "$mq/$queue"; do
		sed 's/, /-/' "$mq/$queue/cpu_list"
		queue=$((queue + 1))
	done | tr '\n' ' '
}

for queues in 4 2; do
	disk=$(start_disk null --queues $queues)
	expect "$(cpus "$disk" | wc -w)" = $queues
	# two of them are written as a range, or as two where they are not neighbours
	expect "$(cpus "$disk" | tr ',' '-')" = "$(wanted "$disk")"
done
disk=$(start_disk null --queues 2 --cpu-affinity=none)
expect "$(cpus "$disk")" = "0-3 0-3 "
disk=$(start_disk null --queues 4 --cpu-affinity=0-1)
expect "$(cpus "$disk")" = "$(wanted "$disk" | sed 's/[23]/0-1/g')"
expect_status 2 ublk-null --cpu-affinity=x
