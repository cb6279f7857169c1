# SPDX-License-Identifier: MIT
about "--image=FIFO waits for a writer, even if stopped meanwhile; a signal ends that, and leaves nothing"

mkfifo "$case/image"
for signal in TERM INT; do
	ublk-mem --image="$case/image" --pidfile="$case/pid" >"$case/out" 2>"$case/said" &
	server=$!
	wait_until 20 sh -c 'test "$(ublk-ctl list -n | wc -l)" = 1'
	kill -$signal "$(ublk-ctl list --raw -n -O keeper)"
	wait "$server" && status=0 || status=$?
	expect "$status" = 1
	expect_said 'stopped before the device was ready'
	expect ! -e "$case/pid"
	expect "$(ublk-ctl list -n)" = ""
done

# shellcheck disable=SC2016 # the inner shell expands
ublk-mem --image="$case/image" -- sh -c 'head -c 70000 "$UBLK_DEV" | md5sum | cut -d " " -f 1' >"$case/out" &
server=$!
wait_until 20 sh -c 'test "$(ublk-ctl list -n | wc -l)" = 1'
pattern 70000 6 >"$case/image"
wait "$server"
expect "$(cat "$case/out")" = "$(pattern 70000 6 | sum)"

# its server was stopped while it waited, as it is when the machine sleeps
waits() {
	test "$(awk '/^State/ { print $2 }' "/proc/$worker/status")" = "$1"
}
# shellcheck disable=SC2016 # the inner shell expands
ublk-mem --image="$case/image" -- sh -c 'head -c 70000 "$UBLK_DEV" | md5sum | cut -d " " -f 1' >"$case/out" &
server=$!
wait_until 20 sh -c 'test "$(ublk-ctl list -n | wc -l)" = 1'
worker=$(cut -d ' ' -f 1 "/proc/$server/task/$server/children")
in_ppoll() {
	grep -q poll "/proc/$worker/wchan"
}
wait_until 20 in_ppoll
kill -STOP "$worker"
wait_until 20 waits T
kill -CONT "$worker"
wait_until 20 waits S
pattern 70000 7 >"$case/image"
wait "$server"
expect "$(cat "$case/out")" = "$(pattern 70000 7 | sum)"
