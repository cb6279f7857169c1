# SPDX-License-Identifier: MIT
about "a new server that is killed when it has the disk, but does not serve it yet, is followed by another, and nothing is lost"

# starts_another - there is one, and it is not the last one
starts_another() {
	worker=$(worker_pid "$disk")
	test -n "$worker" && test "$worker" != "$last"
}
# slow_down PID SYSCALL - it, and every server that it starts, takes 3 seconds for each
slow_down() {
	strace -f -qq -o "$case/trace" -e trace="$2" -e inject="$2:delay_exit=3000000" -p "$1" 2>/dev/null &
	tracer=$!
	wait_until 10 grep -q 'TracerPid:.*[1-9]' "/proc/$1/status"
}
# has_said NUMBER - the server that has just been started has made that many reports, which are no text
has_said() {
	test "$(grep "^$worker .*write(" "$case/trace" | grep -vc '"[-0-9]*", ')" -ge "$1"
}
# waits_for_the_end - it has said all that there is to say, and reads until its queues have ended
waits_for_the_end() {
	test "$(cut -d ' ' -f 1 "/proc/$worker/syscall")" = "$(without-syscall read)"
}
# is_dead - and all its threads, though its keeper has not looked yet
is_dead() {
	test "$(sed -n 's/^State:.\(.\).*/\1/p' "/proc/$worker/status")$(ls "/proc/$worker/task" | wc -l)" = Z1
}

requires strace without-syscall
disk=$(start_disk mem --size 16M --supervise --queues 2)
pattern 1M 1 | write_at "$disk" 0
keeper=$(server_pid "$disk")

# it has fetched all, and is yet to open what the disk is made of
last=$(worker_pid "$disk")
slow_down "$keeper" write
kill -KILL "$last"
wait_until 10 starts_another
wait_until 30 has_said 2
kill -KILL "$worker"
wait_until 30 grep -q 'killed by SIGKILL' "$case/trace"
kill "$tracer"
wait "$tracer" || true
expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"

# it is ready, and the keeper is yet to tell the driver so
last=$(worker_pid "$disk")
slow_down "$keeper" recvfrom
kill -KILL "$last"
wait_until 10 starts_another
wait_until 30 waits_for_the_end
kill -KILL "$worker"
wait_until 10 is_dead
kill "$tracer"
wait "$tracer" || true
expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
stop_disk "$disk"
