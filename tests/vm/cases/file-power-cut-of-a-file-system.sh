# SPDX-License-Identifier: MIT
about "a file system on a disk in a file on a file system: after a power cut what was synced is there, and both are in order"

requires dmsetup replay-writes
export DM_DISABLE_UDEV=1 # nobody else makes the nodes
modprobe -a dm-log-writes loop ext4
medium=$(losetup -f --show "$(scratch 32M)")
on_exit losetup -d "$medium"
log=$(losetup -f --show "$(scratch 128M)")
on_exit losetup -d "$log"
dmsetup create logged --table "0 65536 log-writes $medium $log"
on_exit 'test ! -e /dev/mapper/logged || DM_DISABLE_UDEV=1 dmsetup remove logged'
mkdir "$case/outer" "$case/inner"
mkfs.ext4 -q /dev/mapper/logged
mount -o commit=1000 /dev/mapper/logged "$case/outer" # nothing is written by itself
on_exit "umount $case/outer 2>/dev/null || true"
disk=$(start_disk file "$case/outer/disk" --create 16M)
mkfs.ext4 -q "$disk"
mount "$disk" "$case/inner"
on_exit "umount $case/inner 2>/dev/null || true"
pattern 2M 1 >"$case/inner/synced"
sync -f "$case/inner"
pattern 2M 2 >"$case/inner/not-synced"
dmsetup message logged 0 mark cut
umount "$case/inner"
stop_disk "$disk"
umount "$case/outer"
dmsetup remove logged

truncate -s 32M "$case/left"
replay-writes "$log" "$case/left" cut
mount -o loop "$case/left" "$case/outer"
mount -o loop "$case/outer/disk" "$case/inner"
expect "$(sum <"$case/inner/synced")" = "$(pattern 2M 1 | sum)"
umount "$case/inner"
expect_status 0 e2fsck -fn "$case/outer/disk"
umount "$case/outer"
expect_status 0 e2fsck -fn "$case/left"
