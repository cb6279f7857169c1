#!/bin/sh
# SPDX-License-Identifier: MIT
#
# size.sh PROGRAM [APPLET...] - how large it is, and an error when it is larger than promised
#
# A program of the applet mem alone may be as large as a disk in memory for an initramfs should be.
#
# The promise is about gcc, whose code is smaller than what clang makes, and about x86-64: pages of other machines are
# larger, their code is, or their linker knows no RELR.
set -eu
program=$1
shift
case "$*" in
mem) limit=112640 ;;
*) limit=266240 ;;
esac
size=$(stat -c %s "$program")
echo "  $program: $size bytes stripped"
if test "$size" -gt "$limit" && ! test "${SIZE_LIMIT:-}" = none && readelf -h "$program" | grep -q 'Machine:.*X86-64'; then
	echo "size: $program is larger than $limit bytes; SIZE_LIMIT=none builds it all the same" >&2
	exit 1
fi
