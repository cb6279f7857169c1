# SPDX-License-Identifier: MIT
about "a disk of which udev's rules cannot learn whose it is stays root's, and no link leads to it"

mkdir -p /run/udev/rules.d
sed 's|"[^"]*/ublk-ctl udev|"/bin/false|' /usr/lib/udev/rules.d/60-ublk.rules >/run/udev/rules.d/60-ublk.rules
# what rules of others do that come before, as those of systemd 257 do
echo 'KERNEL=="ublkb*", SYMLINK+="disk/by-id/%k"' >/run/udev/rules.d/60-others.rules
mkfs.ext4 -q -L root "$case/image" 4M
start_udev
disk=$(start_disk file "$case/image" --name=scratch)
udevadm settle
expect "$(udevadm info --query=property --property=DEVNAME --value "$disk")" = "$disk"
expect -z "$(find /dev/disk -type l)"
expect "$(stat -c %u "$disk")" = 0
