# SPDX-License-Identifier: MIT
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
