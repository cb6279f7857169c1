# SPDX-License-Identifier: MIT
about "killed in the middle of I/O, the serving process takes the disk with it at once: clients get errors, none hangs"

disk=$(start_disk mem --size 64M --queues 2 --depth 32)
mkfifo "$case/progress"
fio --name=load --filename="$disk" --rw=randrw --bs=4k --iodepth=32 --ioengine=libaio --direct=1 --numjobs=2 --size=32M \
	--time_based --runtime=30 --status-interval=1 --output="$case/progress" >/dev/null 2>&1 &
fio=$!
grep -q 'IOPS=' "$case/progress" # it is at work
kill -KILL "$(worker_pid "$disk")"
began=$(cut -d . -f 1 /proc/uptime)
wait "$fio" && status=0 || status=$?
expect "$status" != 0
expect "$(server_status "$disk")" = 1
expect $(($(cut -d . -f 1 /proc/uptime) - began)) -le 5
expect ! -e "$disk"
