#!/bin/sh
# SPDX-License-Identifier: MIT
#
# size.sh PROGRAM - how large it is, and an error when it is larger than promised
#
# The promise is about gcc, whose code is smaller than what clang makes, and about x86-64: pages of other machines are
# larger, their code is, or their linker knows no RELR.
set -eu
limit=266240
size=$(stat -c %s "$1")
echo "  $1: $size bytes stripped"
if test "$size" -gt "$limit" && ! test "${SIZE_LIMIT:-}" = none && readelf -h "$1" | grep -q 'Machine:.*X86-64'; then
	echo "size: $1 is larger than $limit bytes; SIZE_LIMIT=none builds it all the same" >&2
	exit 1
fi
