# SPDX-License-Identifier: MIT
about "the clock is set a year ahead and two back: a disk is served, recovered, counted and stopped as ever"

now=$(date +%s)
began=$(up)
# shellcheck disable=SC2016 # when the case is over
on_exit "date -s @\$(($now + (\$(up) - $began) / 1000)) >/dev/null"
disk=$(start_disk mem --size 16M --supervise --queues 1 --stats=1)
pattern 1M 1 | write_at "$disk" 0
told() {
	test "$(server_said "$disk" | grep -c ' read')" -gt "$1"
}
for seconds in 31536000 -31536000; do
	date -s "@$((now + seconds))" >/dev/null
	kill -KILL "$(worker_pid "$disk")"
	expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
	lines=$(server_said "$disk" | grep -c ' read' || true)
	wait_until 5 told "$lines"
done
expect $(($(server_said "$disk" | grep -c ' read'))) -le $((($(up) - began) / 1000 + 4)) # one a second
expect "$(counted "$disk" written_bytes)" -ge 0
stop_disk "$disk"
