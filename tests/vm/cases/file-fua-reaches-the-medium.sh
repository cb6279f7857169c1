# SPDX-License-Identifier: MIT
about "a write with FUA, and no flush after it, is on the medium when it is answered"

requires dmsetup replay-writes
export DM_DISABLE_UDEV=1 # nobody else makes the nodes
modprobe -a dm-log-writes loop ext4
medium=$(losetup -f --show "$(scratch 16M)")
on_exit losetup -d "$medium"
log=$(losetup -f --show "$(scratch 64M)")
on_exit losetup -d "$log"
dmsetup create logged --table "0 32768 log-writes $medium $log"
on_exit 'test ! -e /dev/mapper/logged || DM_DISABLE_UDEV=1 dmsetup remove logged'
pattern 64K 1 >"$case/old"
pattern 64K 2 >"$case/new"

# Field 16 of the kernel's count of what a disk did
flushes() {
	awk '{ print $16 }' "/sys/block/${1#/dev/}/stat"
}

# ext4 overwrites a block that is there already with a single write, and asks for FUA if the disk has it
fua() {
	disk=$(start_disk file /dev/mapper/logged --direct-io="$1")
	test "$1" = off || mkfs.ext4 -q -E lazy_itable_init=0 "$disk"
	mount -o commit=600 "$disk" /mnt # or it may flush on its own account meanwhile, as what is initialized late does
	on_exit 'umount /mnt 2>/dev/null || true'
	dd if="$case/old" of=/mnt/file bs=64k conv=fsync status=none
	sync -f /mnt
	before=$(flushes "$disk")
	dd if="$case/new" of=/mnt/file bs=64k oflag=direct,dsync conv=notrunc status=none
	expect "$(flushes "$disk")" = "$before"
	dmsetup message logged 0 mark "written-$1"
	umount /mnt
	stop_disk "$disk"
}

fua on
fua off
dmsetup remove logged
for direct in on off; do
	truncate -s 16M "$case/left-$direct"
	replay-writes "$log" "$case/left-$direct" "written-$direct"
	mount -o loop "$case/left-$direct" /mnt
	expect "$direct: $(sum </mnt/file)" = "$direct: $(sum <"$case/new")"
	umount /mnt
done
