# SPDX-License-Identifier: MIT
about "a server that crashes again and again is not started for ever: after five times the disk goes, and that is said"

# crash_worker PID - io_uring tells it what it cannot bear, as soon as it looks for requests
crash_worker() {
	strace -f -qq -o /dev/null -e trace=io_uring_enter -e inject=io_uring_enter:error=EBADF -p "$1" &
}
# serves_another - the worker is there, and is not the last one
serves_another() {
	worker=$(worker_pid "$disk")
	test -n "$worker" && test "$worker" != "$last" && test "$(ublk-ctl status "$disk")" = live
}

requires strace
# with the sandbox off, as for every debugger: what strace injects is no system call that the server may make
disk=$(start_disk mem --size 16M --supervise --queues 1 --sandbox=off)
allow_dmesg 'I/O error, dev ublkb'
last=0
for _ in 1 2 3 4 5; do
	wait_until 20 serves_another
	last=$worker
	crash_worker "$worker"
	dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null & # wakes it
done
expect "$(server_status "$disk")" = 1
wait
server_said "$disk" >"$case/said"
expect "$(grep -c 'another one takes over' "$case/said")" = 5
expect_said 'died \(status 1\); another one takes over' 'giving up' 'the disk'
expect ! -e "$disk"
