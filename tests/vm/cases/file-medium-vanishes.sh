# SPDX-License-Identifier: MIT
about "when the device behind it is pulled out the disk gives errors, and the server lives and can be stopped"

requires_module scsi_debug
modprobe sd_mod
modprobe scsi_debug dev_size_mb=8
on_exit rmmod scsi_debug
device="/sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*"
probed() {
	# shellcheck disable=SC2086 # a pattern
	test -b "/dev/$(ls $device/block 2>/dev/null)"
}
wait_until 10 probed
# shellcheck disable=SC2086
medium=/dev/$(ls $device/block)
disks=
for direct in on off; do
	disks="$disks $(start_disk file "$medium" --share --direct-io=$direct)"
done
for disk in $disks; do pattern 64K 1 | write_at "$disk" 0; done
# shellcheck disable=SC2086,SC2046
echo 1 >$(echo $device/delete)
wait_until 10 test ! -b "$medium"
for disk in $disks; do
	expect_status 1 dd if="$disk" of=/dev/null bs=64k skip=4 count=1 iflag=direct
	expect_said 'error reading'
	expect_status 1 dd if=/dev/zero of="$disk" bs=64k count=1 oflag=direct conv=notrunc,nocreat,fsync
	kill -0 "$(worker_pid "$disk")"
	stop_disk "$disk"
done
