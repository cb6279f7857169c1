# SPDX-License-Identifier: MIT
about "killed in the middle of I/O, the serving process takes the disk with it at once: clients get errors, none hangs"

disk=$(start_disk mem --size 64M --queues 2 --depth 32)
fio --name=load --filename="$disk" --rw=randrw --bs=4k --iodepth=32 --ioengine=libaio --direct=1 --numjobs=2 --size=32M \
	--time_based --runtime=60 >/dev/null 2>&1 &
fio=$!
wait_until 20 has_written "$disk" 100
kill -KILL "$(worker_pid "$disk")"
began=$(up)
wait "$fio" && fail "fio saw no error"
expect "$(server_status "$disk")" = 1
expect $(($(up) - began)) -le 10000 # neither the block layer's 30 seconds nor fio's 60
expect ! -e "$disk"
