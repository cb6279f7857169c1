# SPDX-License-Identifier: MIT
about "a server that lost its keeper: what each subcommand makes of it, and that no signal but SIGKILL ends it"

lose_keeper() {
	worker=$(worker_pid "$1")
	keeper=$(server_pid "$1")
	kill -KILL "$keeper"
	server_status "$1" >/dev/null
}
has_ended() {
	! kill -0 "$1" 2>/dev/null
}

disk=$(start_disk mem 16M --name=lost --supervise --queues 1)
pattern 1M 1 | write_at "$disk" 0
lose_keeper "$disk"
kill "$worker"
kill -HUP "$worker"
kill -40 "$worker"
expect "$(ublk-ctl list -n --raw -O state,pid lost)" = "orphaned $worker"
expect_status 0 ublk-ctl info lost
expect_said orphaned
expect_status 4 ublk-ctl recover lost
expect_said 'ublk-ctl adopt'
expect_status 1 ublk-ctl upgrade lost
expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"

# two at once: one is told that the other was quicker
ublk-ctl adopt lost 2>"$case/one" &
one=$!
ublk-ctl adopt lost 2>"$case/two" && second=0 || second=$?
wait "$one" && first=0 || first=$?
echo "$first $second" | grep -Eqx '0 5|5 0' || fail "two at once ended with $first and $second: $(cat "$case/one" "$case/two")"
expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
on_exit "kill -KILL $keeper 2>/dev/null || true"
kill "$keeper"
wait_until 20 has_ended "$keeper"
expect ! -e "$disk"

# killed while the server loads an image: that ends as well
mkfifo "$case/image"
ublk-mem --image="$case/image" --size=16M --supervise --queues 1 2>/dev/null &
keeper=$!
exec 7>"$case/image"
pattern 64K 1 >&7
loads() {
	worker=$(cut -d ' ' -f 1 "/proc/$keeper/task/$keeper/children")
	test -n "$worker" && grep -q ublk-worker "/proc/$worker/comm" && grep -q 'Seccomp:.*2' "/proc/$worker/status"
}
wait_until 20 loads
kill -KILL "$keeper"
wait "$keeper" || true
wait_until 10 has_ended "$worker"
exec 7>&-
ublk-ctl prune
expect "$(ublk-ctl list -n)" = ""
# timeout: 120
