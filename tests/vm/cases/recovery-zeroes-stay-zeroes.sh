# SPDX-License-Identifier: MIT
about "a server that is shot while it gives memory back leaves nothing behind that a later write would bring back"

# is_watched PID - strace has every thread of it
is_watched() {
	! grep -L 'TracerPid:.*[1-9]' /proc/"$1"/task/*/status | grep -q .
}

requires strace
disk=$(start_disk mem --size 16M --supervise --queues 1)
pattern 1M 1 | write_at "$disk" 0
worker=$(worker_pid "$disk")
strace -f -qq -o "$case/trace" -e trace=madvise -e inject=madvise:delay_enter=5000000 -p "$worker" 2>/dev/null &
wait_until 10 is_watched "$worker"
blkdiscard -z -o 0 -l 1M "$disk" &
zeroing=$!
wait_until 10 grep -q madvise "$case/trace"
kill -KILL "$worker"
wait "$zeroing"
expect "$(counted "$disk" mem_used_bytes)" = 0
expect "$(read_at "$disk" 0 1M | tr -d '\0' | wc -c)" = 0
head -c 512 /dev/zero | tr '\0' Z | dd of="$disk" bs=512 oflag=direct conv=notrunc status=none
expect "$(read_at "$disk" 0 1M | tr -d '\0' | wc -c)" = 512
stop_disk "$disk"
