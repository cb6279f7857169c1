#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ublk-start.sh - make the disks that the kernel's command line asks for; come back as long as a source is missing

if ! [ -e /run/initramfs/ublk.booted ] && "@SBINDIR@/ublk-ctl" boot; then
	: >/run/initramfs/ublk.booted
	need_shutdown
fi
