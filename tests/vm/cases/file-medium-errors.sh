# SPDX-License-Identifier: MIT
about "an error of the medium is told to who reads or writes there and to nobody else, and all is well when it is over; but a page cache that could not be flushed is never again said to be"

requires dmsetup
export DM_DISABLE_UDEV=1 # nobody else makes the nodes
modprobe dm-mod
modprobe brd rd_nr=1 rd_size=4096
on_exit rmmod brd
good='0 8192 linear /dev/ram0 0'
bad='0 2048 linear /dev/ram0 0
2048 2048 error
4096 4096 linear /dev/ram0 4096'
dmsetup create medium --table "$good"
on_exit 'DM_DISABLE_UDEV=1 dmsetup remove medium'
pattern 16K 1 >"$case/p"

becomes() {
	dmsetup load medium --table "$1"
	dmsetup resume medium
}

# errors OPTION... - in the middle of three MiB
errors() {
	disk=$(start_disk file /dev/mapper/medium "$@")
	for place in 0 1M 2M; do write_at "$disk" $place <"$case/p"; done
	blockdev --flushbufs /dev/mapper/medium
	becomes "$bad"
	expect_status 1 dd if="$disk" of=/dev/null bs=16k skip=64 count=1 iflag=direct
	expect_said 'Input/output error'
	# what goes through the page cache fails when it is flushed
	expect_status 1 dd if="$case/p" of="$disk" bs=16k seek=64 oflag=direct conv=notrunc,nocreat,fsync
	expect_said 'Input/output error'
	for place in 0 2M; do expect "$(read_at "$disk" $place 16K | sum)" = "$(sum <"$case/p")"; done
	becomes "$good"
}
is_well() {
	write_at "$disk" 1M <"$case/p"
	expect "$(read_at "$disk" 1M 16K | sum)" = "$(sum <"$case/p")"
	stop_disk "$disk"
}

errors --direct-io=on
is_well
errors --direct-io=on --io=user-copy
is_well

errors --direct-io=off --supervise
expect_status 1 dd if="$case/p" of="$disk" bs=16k oflag=direct conv=notrunc,nocreat,fsync
expect "$(server_said "$disk" | grep -c 'a flush failed: .* from now on every flush fails')" = 1
kill_worker "$disk"
expect_status 1 dd if="$case/p" of="$disk" bs=16k oflag=direct conv=notrunc,nocreat,fsync
expect_said 'Input/output error'
expect "$(counted "$disk" file_failed_flushes)" -ge 3
stop_disk "$disk"
disk=$(start_disk file /dev/mapper/medium --direct-io=off)
is_well
