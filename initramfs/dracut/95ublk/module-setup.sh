#!/bin/bash
# SPDX-License-Identifier: MIT
#
# module-setup.sh - what dracut is to put into the initramfs for disks of ublk
#
# shellcheck disable=SC2154 # the names come from dracut

# With the root of this machine on such a disk it goes in by itself, else when it is asked for: --add ublk
check() {
	local device

	require_binaries "@SBINDIR@/ublk" || return 1
	[[ $hostonly ]] || return 255
	for device in "${!host_fs_types[@]}"; do
		[[ $device != /dev/ublkb* ]] || return 0
	done
	return 255
}

depends() {
	echo rootfs-block
}

installkernel() {
	hostonly='' instmods ublk_drv
}

install() {
	inst "@SBINDIR@/ublk"
	ln -sf ublk "$initdir@SBINDIR@/ublk-ctl"
	inst_rules 60-ublk.rules
	inst_hook initqueue/settled 50 "$moddir/ublk-start.sh"
	inst_hook initqueue/finished 50 "$moddir/ublk-finished.sh"
	inst_hook shutdown 20 "$moddir/ublk-shutdown.sh"
	dracut_need_initqueue
}
