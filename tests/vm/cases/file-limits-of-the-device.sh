# SPDX-License-Identifier: MIT
# kernels: >=6.16
about "a disk whose requests' own pages go to a device takes at once what the device takes, so that nothing is split and left to a thread of the kernel"

# a real queue, whose limits each request has to keep
modprobe sd_mod
modprobe scsi_debug dev_size_mb=16
on_exit rmmod scsi_debug
probed() {
	device=$(ls -d /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/* 2>/dev/null)
	test -b "/dev/${device##*/}"
}
wait_until 10 probed
device=/dev/${device##*/}
echo 256 >"/sys/block/${device##*/}/queue/max_sectors_kb"
modprobe loop
loop=$(losetup -f --show "$(scratch 16M)")
on_exit losetup -d "$loop"

limits() {
	cat "$1/max_segments" "$1/max_segment_size" "$1/virt_boundary_mask"
}

threads() {
	cat "/proc/$(worker_pid "$disk")/task/"*/comm | grep -c iou-wrk || true
}

pattern 1M 1 >"$case/p"
for below in "$device" "$loop"; do
	disk=$(start_disk file "$below" --queues 1 --io=auto-buf)
	queue=/sys/block/${disk##*/}/queue
	expect "$below: $(limits "$queue")" = "$below: $(limits "/sys/block/${below##*/}/queue")"
	expect "$(cat "$queue/max_hw_sectors_kb")" -le "$(cat "/sys/block/${below##*/}/queue/max_sectors_kb")"
	scattered write "$disk" 1048576 1048576 <"$case/p"
	expect "$(scattered read "$disk" 1048576 1048576 | sum)" = "$(sum <"$case/p")"
	expect "$(read_at "$below" 1M 1M | sum)" = "$(sum <"$case/p")"
	expect "$below: $(threads)" = "$below: 0"
	stop_disk "$disk"
done

# what has no queue of requests takes what comes, whatever it tells of itself
modprobe brd rd_nr=1 rd_size=4096
on_exit rmmod brd
disk=$(start_disk file /dev/ram0 --queues 1 --io=auto-buf)
expect "$(cat "/sys/block/${disk##*/}/queue/max_hw_sectors_kb")" = 1024
scattered write "$disk" 1048576 1048576 <"$case/p"
expect "$(scattered read "$disk" 1048576 1048576 | sum)" = "$(sum <"$case/p")"
expect "$(threads)" = 0
stop_disk "$disk"

# a copy has pages of its own, and these are no matter of the disk's
disk=$(start_disk file "$device" --queues 1 --io=get-data)
expect "$(cat "/sys/block/${disk##*/}/queue/max_hw_sectors_kb")" = 1024
scattered write "$disk" 0 1048576 <"$case/p"
expect "$(read_at "$disk" 0 1M | sum)" = "$(sum <"$case/p")"
stop_disk "$disk"
