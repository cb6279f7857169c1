# SPDX-License-Identifier: MIT
about "ublk-ctl stats tells what a server did: requests, bytes and errors, of all its queues, as root and as who started it"

disk=$(start_disk mem 8M --queues 2)
# number NAME
number() {
	ublk-ctl stats "$disk" | awk -v name="$1" -v dev="$disk" '$1 == dev && $2 == name { print $3 }'
}

before=$(number writes)
pattern 1M | write_at "$disk" 0
expect "$(number written_bytes)" = $((1 << 20))
expect "$(number writes)" -gt "$before"
reads=$(number reads) bytes=$(number read_bytes)
for cpu in 0 1; do taskset -c $cpu dd if="$disk" of=/dev/null bs=64k count=4 iflag=direct status=none; done
expect "$(($(number read_bytes) - bytes)) $(($(number reads) - reads))" = "$((8 << 16)) 8"
blkdiscard "$disk"
expect "$(number discards)" = 1
blkdiscard -z "$disk"
expect "$(number zeroes)" -ge 1
expect "$(number errors)" = 0
expect "$(ublk-ctl stats -J "$disk" | grep -c '"dev": "'"$disk"'", "reads": [0-9]*, "writes"')" = 1
expect_status 6 ublk-ctl stats 999
expect_status 2 ublk-ctl stats -a
# another user may not
chmod 666 /dev/ublk-control
on_exit chmod 600 /dev/ublk-control
expect_status 3 as_user ublk-ctl stats "$disk"
expect_said 'Permission denied|not permitted'
stop_disk "$disk"

file=$(scratch 4M)
disk=$(start_disk file "$file" --direct-io=off --io=copy)
truncate -s 1M "$file"
expect_status 1 dd if="$disk" of=/dev/null bs=4k count=1 skip=512 iflag=direct
expect "$(number errors)" -ge 1
stop_disk "$disk"
