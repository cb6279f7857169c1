#!/bin/sh
# SPDX-License-Identifier: MIT
#
# library.sh - libublk-core as it is installed: its names, header, pages and ublk-core.pc, and programs that link with
# it. Prints TAP.
#
# Environment: LIB_CC=COMPILER is what the archive was built with (cc).
#
# shellcheck disable=SC2317,SC2046,SC2086 # what claim calls; several words
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/claims.sh
. tests/claims.sh
: "${LIB_CC:=cc}"
unset MAKEFLAGS MFLAGS MAKELEVEL PREFIX DESTDIR
root=$work/root
usr=$root/usr/local
make -s install-lib DESTDIR="$root" >"$work/log" 2>&1 || { cat "$work/log" && exit 1; }

# What the header declares
declared() {
	$LIB_CC -fsyntax-only -aux-info "$work/protos" -x c "$usr/include/ublk-core.h"
	sed -n 's/.*extern .*[ *]\(ublk_[a-z_]*\) (.*/\1/p' "$work/protos" | sort -u
}

only_its_names() {
	declared >"$work/declared" &&
		nm --defined-only -g "$usr/lib/libublk-core.a" | awk 'NF == 3 { print $3 }' | sort >"$work/defined" &&
		test -s "$work/declared" &&
		diff "$work/declared" "$work/defined"
}

# Nothing that a libc has not
needs_libc_alone() {
	echo 'int main(void) { return 0; }' >"$work/empty.c" &&
		$LIB_CC -o "$work/all" "$work/empty.c" -Wl,--whole-archive "$usr/lib/libublk-core.a" -Wl,--no-whole-archive
}

pkg() {
	PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$usr/lib/pkgconfig pkg-config "$@" ublk-core
}

example() {
	cp -r examples/backend "$work/example" &&
		PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$usr/lib/pkgconfig make -s -C "$work/example" CC="$LIB_CC" &&
		"$work/example/xor" --help | grep -q '^ xor \[SIZE\]' &&
		"$work/example/xor" --size=1M --key=x 2>&1 | grep -q "^xor: --key" &&
		"$work/example/xor" --version
}

short_example() {
	test "$(wc -l <examples/backend/xor.c)" -le 60 &&
		test "$(wc -l <examples/backend/Makefile)" -le 3
}

# The numbers of the header, of ublk-core.pc and of the archive
one_version() {
	cat >"$work/version.c" <<-'END'
		#include <stdio.h>
		#include <ublk-core.h>
		int main(void)
		{
			printf("%d.%d.%d\n", UBLK_CORE_MAJOR, UBLK_CORE_MINOR, UBLK_CORE_PATCH);
			return ublk_core_version() != UBLK_CORE_VERSION;
		}
	END
	$LIB_CC -o "$work/version" "$work/version.c" $(pkg --cflags --libs) &&
		test "$("$work/version")" = "$(pkg --modversion)"
}

own_names() {
	$LIB_CC -D_GNU_SOURCE -O1 -o "$work/own" tests/lib/own-disk.c $(pkg --cflags --libs) &&
		"$work/own" 0 file
}

cplusplus() {
	cat >"$work/disk.cc" <<-'END'
		#include <ublk-core.h>
		int main(int argc, char **argv)
		{
			ublk_disk disk = {};
			return argc > 1 ? ublk_main(argc, argv, &disk) : 0;
		}
	END
	g++ -Wall -Wextra -Wpedantic -Werror -o "$work/disk" "$work/disk.cc" $(pkg --cflags --libs) &&
		"$work/disk"
}

# In every language of a C compiler that has bool
strict_c() {
	for std in c99 c11 c17; do
		echo '#include <ublk-core.h>' | $LIB_CC -std=$std -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
			-I"$usr/include" -x c - || return 1
	done
}

# With the C library that ublk itself has: what LIB_CC=musl-gcc does where there is one
musl() {
	set -- "$(cat out/musl.cflags)"
	make -s lib LIB="$work/musl" LIB_CC="gcc $1" LIB_CFLAGS=-O0 -j2 &&
		gcc $1 -fPIE -I"$usr/include" -c -o "$work/xor.o" examples/backend/xor.c &&
		CC=gcc build/link.sh out "$work/xor" "$work/xor.o" "$work/musl/libublk-core.a" &&
		"$work/xor" --help | grep -q '^ xor \[SIZE\]'
}

pages() {
	for name in $(cat "$work/declared"); do
		grep -lq "^\.Fn $name " lib/*.3 || { echo "$name is on no page" && return 1; }
	done
	for page in "$usr"/share/man/man3/*.3; do
		mandoc -T lint -W warning "$page" || return 1
	done
}

# Members and constants of the header are explained
members() {
	sed -n '/^struct ublk_disk {/,/^};/p' lib/ublk-core.h |
		sed -n 's/^\t[a-z][a-z0-9_ ]*[ *]\([a-z_]*\);.*/\1/p; s/^\t[a-z].*(\*\([a-z]*\))(.*/\1/p' >"$work/members"
	test "$(wc -l <"$work/members")" -ge 19 || { cat "$work/members" && return 1; }
	while read -r member; do
		grep -Eq "^\.It (Fa|Fn) \"[a-z].*[ *]$member\"" lib/ublk_serve.3 || { echo "no word on $member" && return 1; }
	done <"$work/members"
}

nothing_left() {
	make -s uninstall-lib DESTDIR="$root" &&
		test -z "$(find "$root" ! -type d)"
}

claim "the archive defines what its header declares, and no other name" only_its_names
claim "it needs nothing but libc" needs_libc_alone
claim_with pkg-config "the example is built by its Makefile with what is installed, and runs" example
claim "the example has 60 lines at most, and its Makefile 3" short_example
claim_with pkg-config "header, archive and ublk-core.pc are of one version" one_version
claim_with pkg-config "a program with functions that are called as core's are links, and has its own" own_names
claim_with g++ "a program in C++ is built without a warning" cplusplus
claim "the header is C99" strict_c
claim "it is linked with musl into a static program" musl
claim_with mandoc "its functions have pages of which mandoc does not complain" pages
claim "every member of a disk is explained" members
claim "make uninstall-lib leaves nothing" nothing_left
claims_end
