# SPDX-License-Identifier: MIT
# kernels: >=6.15
about "requests that are larger than the device behind the disk takes at once reach it whole, also from pages that lie anywhere"

requires_module scsi_debug
modprobe sd_mod
modprobe scsi_debug dev_size_mb=16
on_exit rmmod scsi_debug
probed() {
	device=$(ls -d /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/* 2>/dev/null)
	test -b "/dev/${device##*/}"
}
wait_until 10 probed
device=/dev/${device##*/}
echo 128 >"/sys/block/${device##*/}/queue/max_sectors_kb"
modprobe loop
loop=$(losetup -f --show "$(scratch 16M)")
on_exit losetup -d "$loop"
modprobe brd rd_nr=1 rd_size=16384
on_exit rmmod brd

pattern 1M 1 >"$case/p"
for below in "$device" "$loop" /dev/ram0; do
	for mode in get-data zero-copy; do
		disk=$(start_disk file "$below" --queues 1 --io=$mode -vv)
		expect "$(cat "/sys/block/${disk##*/}/queue/max_hw_sectors_kb")" = 1024
		scattered write "$disk" 1048576 1048576 <"$case/p"
		expect "$below $mode: $(scattered read "$disk" 1048576 1048576 | sum)" = "$below $mode: $(sum <"$case/p")"
		expect "$below $mode: $(read_at "$below" 1M 1M | sum)" = "$below $mode: $(sum <"$case/p")"
		# it was one request
		server_said "$disk" >"$case/said"
		expect_said 'op 1, 1048576 bytes at 1048576' 'op 0, 1048576 bytes at 1048576'
		stop_disk "$disk"
	done
done
