# SPDX-License-Identifier: MIT
about "no thread of the serving process has a capability, and none can gain one"

disk=$(start_disk mem --size 16M --queues 2)
pattern 4M 1 | write_at "$disk" 0
tasks=0
for task in "/proc/$(worker_pid "$disk")"/task/*; do
	expect "$(awk '/^Cap/ { print $1 $2 }' "$task/status" | tr '\n' ' ')" = "CapInh:0000000000000000 CapPrm:0000000000000000 CapEff:0000000000000000 CapBnd:0000000000000000 CapAmb:0000000000000000 "
	expect "$(awk '/^NoNewPrivs/ { print $2 }' "$task/status")" = 1
	tasks=$((tasks + 1))
done
expect $tasks -ge 3
expect "$(awk '/^Max core file size/ { print $5 $6 }' "/proc/$(worker_pid "$disk")/limits")" = 00
