# SPDX-License-Identifier: MIT
# long
about "a worker that is stopped for more than 30 seconds: requests of root's disk wait and are done; the kernel ends that of a user's, with an error"

let_users_in
allow_dmesg 'I/O error, dev ublkb'
roots=$(start_disk mem 16M --queues=1)
users=$(start_with=as_user start_disk mem 16M --queues=1)
pattern 64K 1 >"$case/p"
for disk in $roots $users; do
	write_at "$disk" 0 <"$case/p"
	kill -STOP "$(worker_pid "$disk")"
done
dd if="$roots" bs=64k count=1 iflag=direct status=none >"$case/roots" &
waits=$!
began=$(up)
expect_status 1 dd if="$users" of=/dev/null bs=64k count=1 iflag=direct status=none
expect_said 'Input/output error'
expect $(($(up) - began)) -ge 25000
expect "$(server_status "$users")" = 1
longer() { # than any limit that root's might have
	test $(($(up) - began)) -ge 40000
}
wait_until 60 longer
kill -0 $waits
kill -CONT "$(worker_pid "$roots")"
wait $waits
cmp "$case/roots" "$case/p"
stop_disk "$roots"
