#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ublk-start.sh - make the disks that the kernel's command line asks for; come back as long as a source is missing

if ! [ -e /run/initramfs/ublk.booted ]; then
	"@SBINDIR@/ublk-ctl" boot
	case $? in
	0)
		: >/run/initramfs/ublk.booted
		# sysvinit kills all processes before it takes the root away, but for those that are listed here
		for pid in $("@SBINDIR@/ublk-ctl" list --noheadings --raw --output pid,keeper); do
			[ "$pid" != - ] || continue
			need_shutdown
			mkdir -p /run/sendsigs.omit.d
			echo "$pid" >>/run/sendsigs.omit.d/ublk
		done
		;;
	6) ;;
	# it has said why; the root may be elsewhere, and is not to be waited for in vain
	*) : >/run/initramfs/ublk.failed ;;
	esac
fi
