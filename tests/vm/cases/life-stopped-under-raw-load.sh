# SPDX-License-Identifier: MIT
about "a disk that programs write to without a file system is told to end, twice: they get errors, and it is gone at once"

requires fio
disk=$(start_disk mem --size 32M --queues 2)
fio --name=load --filename="$disk" --rw=randwrite --bs=4k --iodepth=32 --ioengine=libaio --direct=1 --numjobs=2 --size=16M \
	--time_based --runtime=60 >/dev/null 2>&1 &
fio=$!
wait_until 20 has_written "$disk" 100
began=$(up)
kill -TERM "$(server_pid "$disk")"
kill -INT "$(server_pid "$disk")"
expect "$(server_status "$disk")" = 0
remark "longest: $(($(up) - began)) ms from the second signal to the end"
wait "$fio" && fail "fio saw no error"
wait_until 5 test ! -e "$disk"
