#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ublk-finished.sh - whether all disks are there, or will not be

[ -e /run/initramfs/ublk.booted ] || [ -e /run/initramfs/ublk.failed ]
