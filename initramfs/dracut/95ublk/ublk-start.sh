#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ublk-start.sh - make the disks that the kernel's command line asks for; come back as long as a source is missing

if ! [ -e /run/initramfs/ublk.booted ] && "@SBINDIR@/ublk-ctl" boot; then
	: >/run/initramfs/ublk.booted
	need_shutdown
	# sysvinit kills all processes before it takes the root away, but for those that are listed here
	for pid in $("@SBINDIR@/ublk-ctl" list --noheadings --raw --output pid,keeper); do
		[ "$pid" != - ] || continue
		mkdir -p /run/sendsigs.omit.d
		echo "$pid" >>/run/sendsigs.omit.d/ublk
	done
fi
