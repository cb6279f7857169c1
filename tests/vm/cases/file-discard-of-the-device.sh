# SPDX-License-Identifier: MIT
# vm-own
about "a device that discards but writes no zeroes by itself has its discards passed on, and its memory comes back"

modprobe brd rd_nr=1 rd_size=131072
on_exit rmmod brd
below=/sys/block/ram0/queue
test "$(cat $below/discard_max_bytes)" -gt 0 || skip "brd cannot discard here"
expect "$(cat $below/write_zeroes_max_bytes)" = 0
# of what brd takes nothing can be reclaimed
free_kib() {
	awk '/^MemAvailable:/ { print $2 }' /proc/meminfo
}

disk=$(start_disk file /dev/ram0 --queues 1 -vv)
expect "$(cat "/sys/block/${disk##*/}/queue/discard_max_bytes")" -gt 0
pattern 64K 1 | write_at "$disk" 0
dd if=/dev/zero bs=1M count=96 status=none | tr '\0' x |
	dd of="$disk" bs=1M iflag=fullblock oflag=direct seek=1 conv=nocreat status=none
full=$(free_kib)
blkdiscard -o 1M -l 96M "$disk"
came_back() {
	test "$(free_kib)" -gt $((full + 65536))
}
wait_until 10 came_back
expect "$(read_at "$disk" 1M 64K | sum)" = "$(head -c 65536 /dev/zero | sum)"
expect "$(read_at "$disk" 0 64K | sum)" = "$(pattern 64K 1 | sum)"
# zeroes are zeroes all the same
blkdiscard -z -o 4K -l 8K "$disk"
expect "$(read_at "$disk" 4K 8K | sum)" = "$(head -c 8192 /dev/zero | sum)"
! server_said "$disk" | grep 'answer -' || fail "a request failed"
stop_disk "$disk"
