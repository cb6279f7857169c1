# SPDX-License-Identifier: MIT
about "ublk-ctl stats tells what a server did: requests, bytes and errors by operation, of each queue, as root and as who started it"

# --no-partscan: no reads of the kernel's own, which since Linux 6.18 may come later
disk=$(start_disk mem 8M --queues 2 --no-partscan)
number() {
	counted "$disk" "$1"
}

before=$(number writes) bytes=$(number written_bytes)
dd if=/dev/zero of="$disk" bs=16k count=64 oflag=direct status=none
expect "$(($(number writes) - before)) $(($(number written_bytes) - bytes))" = "64 1048576"
reads=$(number reads) bytes=$(number read_bytes)
for cpu in 0 1; do taskset -c $cpu dd if="$disk" of=/dev/null bs=64k count=4 iflag=direct status=none; done
expect "$(($(number read_bytes) - bytes)) $(($(number reads) - reads))" = "$((8 << 16)) 8"
expect "$(number direct_bytes)" = $(($(number read_bytes) + $(number written_bytes)))
blkdiscard "$disk"
expect "$(number discards) $(number discarded_bytes)" = "1 $((8 << 20))"
blkdiscard -z -o 4096 -l 8192 "$disk"
expect "$(number zeroes) $(number zeroed_bytes) $(number flushes)" = "1 8192 0"
for op in read write flush discard zero; do expect "$(number ${op}_errors)" = 0; done

# the queues' parts are the whole
for name in reads writes read_bytes; do
	expect "$(ublk-ctl stats -J "$disk" | sed 's/.*"per_queue"//' | grep -o "\"$name\": [0-9]*" |
		awk '{ sum += $2; n++ } END { print sum, n }')" = "$(number $name) 2"
done
# as many in flight as there were
fio --name=x --filename="$disk" --rw=randread --bs=4k --direct=1 --ioengine=libaio --iodepth=16 --number_ios=500 --size=8M \
	--output=/dev/null
expect "$(number in_flight_max)" -gt 1
expect "$(number in_flight_max)" -le 128

# some of them were timed, and none took no time
timed=$(ublk-ctl stats -J "$disk" | grep -o '"read_latency": {"count": [0-9]*, "sum_ns": [0-9]*, "p50_ns": [0-9]*')
expect "$(echo "$timed" | tr -d ',' | awk -v reads="$(number reads)" '{ print ($3 > 0), ($3 <= reads), ($5 > 0), ($7 > 0) }')" = "1 1 1 1"

ublk-ctl stats "$disk" >"$case/table"
expect "$(awk -v dev="$disk:" '$1 == dev { print $2 }' "$case/table")" = "mem,"
expect "$(awk '$1 == "reads" { print $2, $4 }' "$case/table")" = "$(number reads) 0"
expect_status 6 ublk-ctl stats 999
expect_status 2 ublk-ctl stats -a
expect_status 2 ublk-ctl stats --prometheus --json
# another user may not
chmod 666 /dev/ublk-control
on_exit chmod 600 /dev/ublk-control
expect_status 3 as_user ublk-ctl stats "$disk"
expect_said 'Permission denied|not permitted'
stop_disk "$disk"

disk=$(start_disk mem 8M --io=copy)
dd if="$disk" of=/dev/null bs=64k count=4 iflag=direct status=none
expect "$(number direct_bytes)" = 0
stop_disk "$disk"

file=$(scratch 4M)
disk=$(start_disk file "$file" --direct-io=off --io=copy)
truncate -s 1M "$file"
expect "$(number read_errors)" = 0
for _ in 1 2 3; do expect_status 1 dd if="$disk" of=/dev/null bs=4k count=1 skip=512 iflag=direct; done
expect "$(number read_errors) $(number write_errors)" = "3 0"
flushes=$(number flushes)
sync "$disk"
expect "$(($(number flushes) - flushes))" = 1
stop_disk "$disk"
