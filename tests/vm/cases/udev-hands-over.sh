# SPDX-License-Identifier: MIT
about "with the udev rules a member of the group ublk makes disks, whose nodes are his alone, and which no link of the machine's leads to"

echo ublk:x:4000:user >>/etc/group
on_exit "sed -i /^ublk:/d /etc/group"
# what rules of others do that come before, as those of systemd 257 do
mkdir -p /run/udev/rules.d
echo 'KERNEL=="ublkb*", SYMLINK+="disk/by-id/%k"' >/run/udev/rules.d/60-others.rules
start_udev
expect "$(stat -c '%U:%G %a' /dev/ublk-control)" = "root:ublk 660"

start_with="setpriv --reuid=1000 --regid=1000 --groups=4000"
disk=$(start_disk mem 32M --name=mine)
expect "$(stat -c '%u:%g %a' "$disk" "/dev/ublkc${disk#/dev/ublkb}" | tr '\n' ' ')" = "1000:1000 600 1000:1000 600 "
expect "$(ublk-ctl udev "$disk")" = "1000 1000"
expect "$(ublk-ctl udev --export "$disk" | tr '\n' ' ')" = "UBLK_TYPE=mem UBLK_NAME=mine UBLK_UID=1000 UBLK_GID=1000 "
as_user mkfs.ext4 -q -L root -U 01234567-89ab-cdef-0123-456789abcdef "$disk"
start_with=
named=$(start_disk null 1M --name=roots)
udevadm settle
expect "$(find /dev/disk -type l | sort | tr '\n' ' ')" = "/dev/disk/by-id/${named##*/} /dev/disk/by-ublk/roots "
expect "$(ublk-ctl udev "$named")" = ""
expect "$(stat -c '%u:%g %a' "$disk")" = "1000:1000 600"
expect_status 6 ublk-ctl udev 4242

# fast, and again: never anything but his
start_with="setpriv --reuid=1000 --regid=1000 --groups=4000"
for _ in 1 2 3 4 5; do
	$start_with ublk-null 1M --no-progress -- sh -c 'exec 3<>$UBLK_DEV'
done
