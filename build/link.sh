#!/bin/sh
# SPDX-License-Identifier: MIT
#
# link.sh OUT PROGRAM OBJECT... [FLAG...] - a static program that the kernel can load anywhere (static-pie)
#
# musl's one start file is named, because asking a compiler driver for a static-pie with musl gives a program that wants
# a dynamic linker. The compiler's and crti.o would only add tables for C++ and for code that runs before main; there is
# neither.
#
# For size: code and constants share one segment, which nobody can write to, as noseparate-code says; data follows them
# in the file without a gap, for which the small "page" stands; and both are sorted by what they must be aligned to. There
# is no relro because it would have no effect: musl does not protect those pages in a static program.
set -eu
out=$1 program=$2
shift 2
{
	read -r first
	read -r last
} <"$out/musl.ldflags"
# shellcheck disable=SC2086 # several words each
$CC -static -nostdlib -nostartfiles -o "$program" \
	-Wl,-pie,--no-dynamic-linker,-z,text,-z,noexecstack,--gc-sections,--build-id=none \
	-Wl,-z,noseparate-code,-z,norelro,-z,common-page-size=64,--sort-section=alignment \
	$first "$@" "$out"/deps/lib/*.a $last
if readelf -lW "$program" | grep -q INTERP; then
	rm -f "$program"
	echo "link: $program wants a dynamic linker; it must not" >&2
	exit 1
fi
