# SPDX-License-Identifier: MIT
about "killed with every tag in flight, the serving process is missed at once, not after the block layer's 30 seconds"

disk=$(start_disk mem --size 16M --queues 1 --depth 8)
kill -STOP "$(worker_pid "$disk")"
fio --name=load --filename="$disk" --rw=read --bs=4k --iodepth=32 --ioengine=libaio --direct=1 >/dev/null 2>&1 &
fio=$!
full() {
	test "$(awk '{ print $1 + $2 }' "/sys/block/${disk#/dev/}/inflight")" = "$(cat "/sys/block/${disk#/dev/}/queue/nr_requests")"
}
wait_until 20 full
kill -KILL "$(worker_pid "$disk")"
began=$(up)
wait "$fio" && fail "fio saw no error"
expect "$(server_status "$disk")" = 1
expect $(($(up) - began)) -le 10000
expect ! -e "$disk"
