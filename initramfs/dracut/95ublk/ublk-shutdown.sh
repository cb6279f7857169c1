#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ublk-shutdown.sh - end the disks when nothing is mounted from them any more, then let go of what held their files

ublk_unmounted() {
	while read -r _ directory _; do
		case $directory in
		/oldroot | /oldroot/*) return 1 ;;
		esac
	done </proc/mounts
}

ublk_unmount_sources() {
	while read -r _ directory _; do
		case $directory in
		*/run/initramfs/ublk/*) umount "$directory" ;;
		esac
	done </proc/mounts
}

ublk_unmounted && "@SBINDIR@/ublk-ctl" del --all --force && ublk_unmount_sources
