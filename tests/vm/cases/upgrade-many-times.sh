# SPDX-License-Identifier: MIT
about "after fifty upgrades a disk has as many descriptors, and as much memory, as after one; and its name, pidfile and --stats"

# has WHAT - of both processes: how many descriptors and what they are called, and KiB of memory that is in use
descriptors() {
	for pid in "$keeper" "$(worker_pid "$disk")"; do
		for fd in "/proc/$pid/fd"/*; do
			readlink "$fd" | sed 's/[0-9]*//g'
		done | sort
	done
}
resident() {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$keeper/status" "/proc/$(worker_pid "$disk")/status" | tr '\n' ' '
}
told() {
	server_said "$disk" | grep -c ' reads'
}

disk=$(start_disk mem 16M --name=many --pidfile="$case/pid" --save="$case/saved" --supervise --queues 2 --stats=1)
pattern 1M 1 | write_at "$disk" 0
keeper=$(server_pid "$disk")
ublk-ctl upgrade many
expected=$(descriptors)
before=$(resident)
for _ in $(seq 49); do
	ublk-ctl upgrade many
done
expect "$(descriptors)" = "$expected"
after=$(resident)
remark "KiB in use by both processes after 1 upgrade: $before, after 50: $after"
for n in 1 2; do
	expect "$(echo "$after" | cut -d ' ' -f $n)" -le $(($(echo "$before" | cut -d ' ' -f $n) + 512))
done
expect "$(wc -w <"/proc/$keeper/task/$keeper/children")" = 1
lines=$(told)
said_more() {
	test "$(told)" -gt "$((lines + 1))"
}
wait_until 20 said_more
expect "$(cat "$case/pid")" = "$keeper"
kill "$keeper"
expect "$(server_status "$disk")" = 0
expect ! -e "$case/pid"
expect "$(read_at "$case/saved" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
# timeout: 180
