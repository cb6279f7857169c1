#!/bin/sh
# SPDX-License-Identifier: MIT
#
# guest.sh - /sbin/init of a root on a disk of ours: what is claimed of it, when the initramfs has gone
#
# What it says goes to the console, with "claim: " before it. What is on the disk afterwards is looked at outside.
#
# shellcheck disable=SC3040 # busybox has pipefail
set -eu -o pipefail
export PATH=/bin:/sbin
read -r up _ </proc/uptime

tell() {
	echo "claim: $*"
}

root_is_ours() {
	grep -q "^$disk / ext4 rw" /proc/mounts && test "$(ublk-ctl status ublkb0)" = live
}

# Its keeper still has the initramfs as its root
initramfs_is_empty() {
	left=$(cd "/proc/$keeper/root" && find . -xdev ! -type d | grep -v -e '^\./dev/' -e '^\./proc/' -e '^\./sys/' | head)
	test -z "$left" || { echo "$left" && return 1; }
}

# What was moved is here, once, and not below where it was
mounts_are_moved() {
	for at in /dev /proc /sys /run; do
		test "$(awk -v at=$at '$2 == at' /proc/mounts | wc -l)" = 1 || return 1
	done
}

holds_what_is_written() {
	for _ in 1 2 3; do
		dd if=/dev/urandom of=/big bs=1M count=8 2>/dev/null
		sum=$(md5sum </big)
		sync
		echo 3 >/proc/sys/vm/drop_caches
		test "$(md5sum </big)" = "$sum" || return 1
	done
}

# As an init does before it unmounts anything
outlives_killing() {
	trap '' TERM INT HUP
	for signal in HUP TERM INT TERM; do # other disks end at the second
		kill -s $signal -1
	done
	sync
	echo 3 >/proc/sys/vm/drop_caches
	test "$(md5sum </big)" = "$sum" && test "$(ublk-ctl status ublkb0)" = live
}

# Whoever kills it now would have to be told so by it: it has no file, no directory and no terminal of the system's
needs_nothing_here() {
	for process in $keeper $worker; do
		for link in /proc/"$process"/cwd /proc/"$process"/fd/*; do
			case $(readlink "$link" || true) in
			/ | /dev/* | /null | /kmsg | /ublk* | /run/initramfs/ublk/* | *root.img* | anon_inode:* | pipe:* | socket:* | /memfd:*) ;;
			/proc/* | '') ;; # its own; and what has been closed meanwhile
			*) ls -l "$link" && return 1 ;;
			esac
		done
	done
}

claim() {
	if "$1"; then
		tell "ok $2"
	else
		tell "not ok $2"
	fi
}

disk=/dev/ublkb0
keeper=$(ublk-ctl list -n --raw -O keeper ublkb0)
worker=$(ublk-ctl list -n --raw -O pid ublkb0)
claim root_is_ours "the root is on the disk, which is listed from there"
claim initramfs_is_empty "nothing is left in the initramfs"
claim mounts_are_moved "/dev, /proc, /sys and /run have come along"
claim holds_what_is_written "it holds what is written to it"
claim needs_nothing_here "its server needs nothing of the system"
claim outlives_killing "it outlives an init that ends every process"
tell "note $up s after the kernel had started, its init ran"
echo kept >/kept
rm -f /big
sync
mount -o remount,ro /
# all the others as well, and those that somebody writes to, such as the one that the disk's own file is on
echo u >/proc/sysrq-trigger
poweroff -f
