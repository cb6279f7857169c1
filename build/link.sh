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
#
# The start file knows one kind of relocation, which says only how far away the program was loaded. Any other would be
# left undone without a word, so none may be in the program; NONE asks for nothing. For that no name may be seen from
# outside (link.map): on riscv64 ld would leave pointers to some functions to a dynamic linker.
set -eu
refuse() {
	rm -f "$program"
	echo "link: $program wants $1; it must not" >&2
	exit 1
}

out=$1 program=$2
shift 2
{
	read -r first
	read -r last
} <"$out/musl.ldflags"

# ld for riscv64 (2.40) takes every use of a thread's variable for a relocation of the code, and then writes NONE.
case $($CC -dumpmachine) in
riscv64-*) text=notext ;;
*) text=text ;;
esac

# shellcheck disable=SC2086 # several words each
$CC -static -nostdlib -nostartfiles -o "$program" \
	-Wl,-pie,--no-dynamic-linker,-z,$text,-z,noexecstack,--gc-sections,--build-id=none \
	-Wl,--version-script="${0%/*}/link.map" \
	-Wl,-z,noseparate-code,-z,norelro,-z,common-page-size=64,--sort-section=alignment \
	$first "$@" "$out"/deps/lib/*.a $last
! readelf -lW "$program" | grep -q INTERP || refuse "a dynamic linker"
! readelf -rW "$program" | grep ' R_' | grep -Ev '_(RELATIVE|NONE) ' || refuse "these relocations"
