# SPDX-License-Identifier: MIT
about "'ublk-ctl boot' makes the disks that a command line asks for, once, and tells what is not there yet"

requires mkfs.ext4
modprobe brd rd_nr=1 rd_size=32768
on_exit rmmod brd
line() {
	echo "console=ttyS0 $* quiet" >"$case/line"
}
boot() {
	ublk-ctl boot --cmdline="$case/line"
}
# an administrator's way is the only one to end such a disk
on_exit "ublk-ctl del -a; umount /run/initramfs/ublk/*; rm -r /run/initramfs"

line root=/dev/vda
expect "$(boot)" = ""
line ublk=off ublk.null=1G
expect "$(boot)" = ""

# by its label and by its UUID, which nobody has made links of
mkfs.ext4 -q -L host /dev/ram0
mount /dev/ram0 /mnt
pattern 65536 >/mnt/disk.img
truncate -s 1M /mnt/disk.img
umount /mnt
uuid=$(blkid -p -s UUID -o value /dev/ram0)
line "ublk.null=1G,id=12 rd.ublk.mem=16M,name=booted ublk.file=LABEL=host:/disk.img,ro ublk.file=UUID=$uuid:/disk.img,cow,id=9"
expect "$(boot)" = "/dev/ublkb12
/dev/ublkb0
/dev/ublkb1
/dev/ublkb9"
expect "$(read_at /dev/ublkb1 0 65536 | sum)" = "$(pattern 65536 | sum)"
expect "$(blockdev --getsize64 /dev/ublkb0 /dev/ublkb12)" = "16777216
1073741824"
expect "$(blockdev --getro /dev/ublkb1)" = 1
expect "$(awk '$2 ~ "^/run/initramfs/ublk" { print $1, substr($4, 1, 2) }' /proc/mounts)" = "/dev/ram0 ro"
expect "$(ublk-ctl list -n --raw -O name /dev/ublkb0)" = booted

# again: nothing is made, and all are told
seen=$(ublk-ctl list)
expect "$(boot | wc -l)" = 4
expect "$(ublk-ctl list)" = "$seen"

# another one of the same number is not what was asked for
line ublk.mem=16M,id=12
expect_status 5 boot
expect_said "device 12 is there already, and no ublk-mem"

# an image that goes, and not from a file system that is mounted to be read
pattern 65536 >"$case/image"
line "ublk.mem=image=$case/image,consume,id=30"
expect "$(boot)" = /dev/ublkb30
expect "$(boot)" = /dev/ublkb30
expect "$(read_at /dev/ublkb30 0 65536 | sum)" = "$(pattern 65536 | sum)"
expect ! -e "$case/image"
line "ublk.mem=image=$case/image,consume,id=31"
expect_status 6 boot
expect_said "image is not there yet"
line ublk.mem=image=LABEL=host:/disk.img,consume,id=31
expect_status 1 boot
expect_said "Read-only file system"

# what is not there yet has a status of its own, and keeps nobody from the rest
line ublk.file=LABEL=elsewhere:/x,id=20 ublk.zip=/none.zip,id=21 ublk.null=1G,id=22
expect_status 6 boot
expect_said "LABEL=elsewhere is not there yet"
expect_said "/none.zip is not there yet"
test -b /dev/ublkb22 || fail "the third disk was not made"
line ublk.file=LABEL=elsewhere:/x,id=20 ublk.floppy=/x ublk.file=LABEL=host:/none,id=23
expect_status 2 boot
expect_said "ublk.floppy: there is no such disk"
expect_said "none"

# a second disk on the same file system, to be written to
line ublk.file=/dev/ram0:/disk.img,id=24,share
expect "$(boot)" = /dev/ublkb24
expect "$(awk '$2 ~ "^/run/initramfs/ublk" { print $1, substr($4, 1, 2) }' /proc/mounts)" = "/dev/ram0 rw"
expect "$(blockdev --getro /dev/ublkb24)" = 0
