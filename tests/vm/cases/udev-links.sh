# SPDX-License-Identifier: MIT
about "with the udev rules a named disk has its link as soon as it is there, what is put on it has its own, and all go with the disk"

start_udev
disk=$(start_disk mem 64M --name=scratch)
udevadm settle
expect "$(readlink -f /dev/disk/by-ublk/scratch)" = "$disk"
expect "$(ublk-ctl list -n --raw -O name /dev/disk/by-ublk/scratch)" = scratch
expect "$(stat -c '%U:%G %a' "$disk")" = "root:disk 660"
udevadm info --query=property "$disk" | grep -q '^UBLK_TYPE=mem$'

mkfs.ext4 -q -L label -U 01234567-89ab-cdef-0123-456789abcdef "$disk"
# the kernel tells udev that somebody who wrote has closed it, and udev looks; it makes its links one after the other
wait_until 10 test -e /dev/disk/by-uuid/01234567-89ab-cdef-0123-456789abcdef
udevadm settle
expect "$(readlink -f /dev/disk/by-label/label)" = "$disk"
expect "$(readlink -f /dev/disk/by-ublk/scratch)" = "$disk"

other=$(start_disk mem 64M -N parts)
printf 'label: gpt\n,16M\n,\n' | sfdisk -q "$other"
wait_until 10 test -e /dev/disk/by-ublk/parts-part2
udevadm settle # the first may still be in the hands of another worker
expect "$(readlink -f /dev/disk/by-ublk/parts-part1)" = "${other}p1"
expect "$(find /dev/disk/by-partuuid -type l | wc -l)" = 2

stop_disk "$disk"
stop_disk "$other"
udevadm settle
expect "$(find /dev/disk -type l)" = ""
