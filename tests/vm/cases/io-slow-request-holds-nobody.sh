# SPDX-License-Identifier: MIT
about "a request that takes long holds up no other of its queue, in every --io mode, buffered and direct"

requires dmsetup
export DM_DISABLE_UDEV=1 # nobody else makes the nodes
modprobe dm-mod
modprobe brd rd_nr=1 rd_size=8192
on_exit rmmod brd
# a device that is suspended keeps its requests until it is resumed
dmsetup create slow --table '0 8192 linear /dev/ram0 0'
on_exit 'DM_DISABLE_UDEV=1 dmsetup remove slow'
dmsetup create both --table '0 8192 linear /dev/mapper/slow 0
8192 8192 linear /dev/ram0 8192'
on_exit 'DM_DISABLE_UDEV=1 dmsetup remove both'
pattern 64K 3 | tee "$case/p" | write_at /dev/mapper/both 0
write_at /dev/mapper/both 4M <"$case/p"

one_in_flight() {
	test "$(awk '{ print $1 }' "/sys/block/${disk#/dev/}/inflight")" = 1
}

# A read of the slow half is under way, and all is well in the other half
held() {
	blockdev --flushbufs /dev/mapper/both
	# --no-partscan: no reads of the kernel's own, which since Linux 6.18 may come later
	disk=$(start_disk file /dev/mapper/both --queues 1 --no-partscan "$@")
	dmsetup suspend --noflush slow
	on_exit 'dmsetup resume slow 2>/dev/null'
	dd if="$disk" of="$case/slow" bs=64k count=1 iflag=direct status=none &
	reader=$!
	wait_until 5 one_in_flight
	timeout 10 dd if="$disk" of="$case/fast" bs=64k skip=64 count=1 iflag=direct status=none
	cmp "$case/p" "$case/fast"
	timeout 10 dd if="$case/p" of="$disk" bs=64k seek=65 oflag=direct conv=notrunc,nocreat status=none
	one_in_flight || fail "the slow one was answered"
	dmsetup resume slow
	wait "$reader"
	cmp "$case/p" "$case/slow"
	stop_disk "$disk"
}

modes=0
for mode in copy get-data user-copy zero-copy auto-buf batch; do
	ublk-file "$case/p" --io=$mode -- true 2>/dev/null || continue
	modes=$((modes + 1))
	held --io=$mode --direct-io=on
done
expect $modes -ge 3
held --direct-io=off
