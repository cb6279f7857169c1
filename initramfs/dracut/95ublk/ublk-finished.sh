#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ublk-finished.sh - whether all disks are there

[ -e /run/initramfs/ublk.booted ]
