# SPDX-License-Identifier: MIT
# timeout: 300
# kernels: !=6.16
about "prune leaves a disk alone whose server lives in another pid namespace, where its numbers mean something else"

mkfifo "$case/ready"
unshare --pid --fork --kill-child sh -c 'ublk-null --queues 1 >"$0"' "$case/ready" &
server=$!
on_exit "kill $server 2>/dev/null; wait $server 2>/dev/null || true; ublk-ctl del -a; true"
read -r disk <"$case/ready"
expect_status 0 ublk-ctl prune
expect "$(ublk-ctl status "$disk")" = live
expect_status 0 ublk-ctl del "$disk"
wait $server || true

# seen from in there: one that is loaded for longer than a device is young stays, and one that is dead goes
elsewhere() {
	unshare --pid --fork --kill-child --mount-proc "$@"
}
mkfifo "$case/image"
ublk-mem -n 5 --size=1M --image="$case/image" >"$case/loaded" &
loading=$!
on_exit "kill -KILL $loading 2>/dev/null; wait $loading 2>/dev/null; ublk-ctl del -a; true"
exec 9>"$case/image"
wait_until 10 test -e /sys/class/ublk-char/ublkc5
dead=$(start_disk null 1M -n 6)
kill_both "$dead"
pruned() {
	expect_status 0 elsewhere ublk-ctl prune
	test ! -e /sys/class/ublk-char/ublkc6
}
wait_until 30 pruned
expect -e /sys/class/ublk-char/ublkc5
exec 9>&-
wait_until 10 grep -q ublkb5 "$case/loaded"
kill "$loading"
wait "$loading"
