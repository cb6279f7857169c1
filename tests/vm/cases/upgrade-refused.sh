# SPDX-License-Identifier: MIT
about "an upgrade that cannot be leaves the disk as it is, and says why"

still_served() {
	expect "$(worker_pid "$disk")" = "$worker"
	expect "$(ublk-ctl status "$disk")" = live
	expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
}
ask() {
	ublk-ctl upgrade "$disk" && status=0 || status=$?
	echo "exit $status"
}
# refused STATUS WHAT BINARY...
refused() {
	local status="$1" what="$2"

	shift 2
	expect_status "$status" ublk-ctl upgrade "$disk" "$@"
	expect_said "$what"
	still_served
}

disk=$(start_disk mem 16M)
expect_status 4 ublk-ctl upgrade "$disk"
expect_said 'cannot have another server' 'made with --supervise'
ublk-ctl upgrade --all
stop_disk "$disk"
disk=$(start_disk mem 16M --recovery=requeue)
expect_status 4 ublk-ctl upgrade "$disk"
stop_disk "$disk"
expect_status 6 ublk-ctl upgrade 77
expect_status 2 ublk-ctl upgrade
expect_status 2 ublk-ctl upgrade --all 3

disk=$(start_disk mem 16M --supervise --queues 1)
pattern 1M 1 | write_at "$disk" 0
worker=$(worker_pid "$disk")
keeper=$(server_pid "$disk")

# what is no program
refused 1 'No such file' "$case/nothing"
echo nothing >"$case/text"
refused 3 'Permission denied' "$case/text"

# one that reads other states
sed 's/blkstate/blkst4te/g' "$(command -v ublk)" >"$case/stranger"
chmod +x "$case/stranger"
if cmp -s "$case/stranger" "$(command -v ublk)"; then # the word is spread over instructions of other processors
	expect "$(uname -m)" != x86_64
else
	refused 1 'have device .* served by another process' "$case/stranger"
	server_said "$disk" >"$case/said"
	expect_said 'go on where another was' 'the other program cannot go on with this disk'
fi

# one that says nothing, and one that asks and is gone
kill -40 "$keeper"
wait_until 10 grep -q 'signal 40 alone means nothing' "$(server_of "$disk")/stderr"
still_served

# while it is being stopped; the signal is seen before the question
exec 5<"$disk"
kill "$keeper"
wait_until 10 grep -q 'is in use' "$(server_of "$disk")/stderr"
refused 5 'being stopped'
exec 5<&-
expect "$(server_status "$disk")" = 0

# the new program's server cannot begin: the old one serves on, and may be replaced afterwards
requires strace
disk=$(start_disk mem 16M --supervise --queues 1)
pattern 1M 1 | write_at "$disk" 0
worker=$(worker_pid "$disk")
strace -f -qq -o /dev/null -e trace=socketpair -e inject=socketpair:error=EMFILE -p "$(server_pid "$disk")" 2>/dev/null &
tracer=$!
wait_until 10 grep -q 'TracerPid:.*[1-9]' "/proc/$(server_pid "$disk")/status"
refused 1 'have device .* served by another process'
expect "$(counted "$disk" writes)" -ge 1 # and counts
kill "$tracer"
wait "$tracer" || true
ublk-ctl upgrade "$disk"
expect "$(worker_pid "$disk")" != "$worker"

# whoever may send signals may not have a program of his run: with fewer rights than the keeper, or with all of them where
# they do not count, or in the name of somebody else
without_rights() {
	setpriv --bounding-set=-all --inh-caps=-all "$@"
}
expect_status 3 setpriv --bounding-set=-net_raw --inh-caps=-net_raw ublk-ctl upgrade "$disk"
export ASKED="$case/asked"
stop_disk "$disk"
disk=$(start_disk mem 16M --supervise --queues 1)
pattern 1M 1 | write_at "$disk" 0
worker=$(worker_pid "$disk")
keeper=$(server_pid "$disk")
ask-upgrade &
rich=$!
on_exit "kill $rich 2>/dev/null || true"
wait_until 10 grep -q ublk-upgrade "/proc/$rich/comm"
expect "$(without_rights ask-upgrade "$keeper" "$rich")" = 0
expect "$(without_rights ask-upgrade "$keeper")" = 1
still_served
expect ! -e "$case/asked"

# several at once: some are refused, and the disk is served
for _ in 1 2 3 4; do
	ask >>"$case/several" 2>&1 &
	askers="${askers:-} $!"
done
# shellcheck disable=SC2086 # several words
wait $askers
worker=$(worker_pid "$disk")
still_served
expect "$(grep -c '^exit 0' "$case/several")" -ge 1
expect "$(grep -c '^exit [05]' "$case/several")" = 4

stop_disk "$disk"
