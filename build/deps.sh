#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deps.sh OUTDIR - the libraries ublk is linked with: OUTDIR/include, OUTDIR/kernel and OUTDIR/lib/liburing.a
#
# There is one, liburing, pinned by its checksum and built with musl. Built as here it needs nothing of any libc, so the
# same archive also goes into the glibc builds that run under the sanitizers. OUTDIR/kernel holds the kernel's headers
# alone: musl-gcc does not look in /usr/include, and must not, or headers that musl lacks would be taken from glibc.
#
# Environment:
#   MUSL_CC            compiler of the target, several words allowed (musl-gcc)
#   AR                 its ar (ar)
#   DEPS_DIR           a directory with include/liburing.h and lib/liburing.a to take as they are
#   LIBURING_TARBALL   a source archive to build instead of the pinned one
#   UBLK_CACHE         where downloads are kept (~/.cache/ublk)

set -eu

version=2.9
tarball=liburing_$version.orig.tar.gz
sha256=57e9b36e4ac1e46b8e0351dfb1694dc59638fc25e384b4ba36d87b800b16db1a
oldest=206 # 2.6: the oldest that will do

here=$(cd "$(dirname "$0")" && pwd)
musl_cc=${MUSL_CC:-musl-gcc}
ar=${AR:-ar}
cache=${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}

# shellcheck source=build/apt.sh
. "$here/apt.sh"

die() {
	echo "deps: $*" >&2
	exit 1
}

# --- where the sources come from: each function leaves the archive in $work/liburing.tar, or fails

given_tarball() {
	test -n "${LIBURING_TARBALL:-}" || return 1
	test -r "$LIBURING_TARBALL" || die "cannot read LIBURING_TARBALL=$LIBURING_TARBALL"
	cp "$LIBURING_TARBALL" "$work/liburing.tar"
	used="the tarball given, $LIBURING_TARBALL"
}

pinned_tarball() {
	apt_pinned "pool/main/libu/liburing/$tarball" "$sha256" "$work/liburing.tar" || return 1
	used="pinned source"
}

# The distribution's own version, whatever that is. Its signature is checked by apt, its age by check().
packaged_tarball() {
	command -v apt-get >/dev/null || return 1
	apt_private "$work/apt" "$(source_lines)" >/dev/null 2>&1 || return 1
	(cd "$work" && apt_in "$work/apt" apt-get -qq source --download-only --tar-only liburing) >/dev/null 2>&1 || return 1
	set -- "$work"/liburing_*.orig.tar.*
	test -e "$1" || return 1
	mv "$1" "$work/liburing.tar"
	used="the distribution's source, ${1##*/}"
}

source_lines() {
	apt_sources | awk '$3 == "main" || $3 == "universe" { print "deb-src", $1, $2, $3 }'
}

# --- what is taken as it is

given_directory() {
	test -n "${DEPS_DIR:-}" || return 1
	test -e "$DEPS_DIR/lib/liburing.a" || die "DEPS_DIR=$DEPS_DIR holds no lib/liburing.a"
	take "$DEPS_DIR/include" "$DEPS_DIR/lib/liburing.a"
	used="what DEPS_DIR=$DEPS_DIR holds"
}

installed_library() {
	multiarch=$($musl_cc -print-multiarch 2>/dev/null || true)
	for lib in "/usr/lib/$multiarch" /usr/lib64 /usr/lib; do
		test -e "$lib/liburing.a" || continue
		take /usr/include "$lib/liburing.a"
		used="the installed $lib/liburing.a"
		return 0
	done
	return 1
}

# A distribution that is itself musl packages just what we would build.
installed_for_musl() {
	ldd --version 2>&1 | grep -q musl && installed_library
}

take() {
	cp "$1/liburing.h" "$work/out/include/"
	cp -r "$1/liburing" "$work/out/include/"
	cp "$2" "$work/out/lib/liburing.a"
}

# --- building

# $work/out/kernel: links to the three directories of kernel headers
link_kernel_headers() {
	multiarch=$($musl_cc -print-multiarch 2>/dev/null || true)
	for linux in ${KERNEL_HEADERS:+"$KERNEL_HEADERS"} /usr/include; do
		for asm in "/usr/$multiarch/include/asm" "$linux/$multiarch/asm" "$linux/asm"; do
			test -e "$linux/linux/io_uring.h" || continue
			test -e "$asm/unistd.h" || continue
			ln -s "$linux/linux" "$linux/asm-generic" "$work/out/kernel/"
			ln -s "$asm" "$work/out/kernel/asm"
			return 0
		done
	done
	die "cannot find the kernel's headers for $musl_cc; install linux-libc-dev, or name them with KERNEL_HEADERS=DIR"
}

compile() {
	# what a caller says about his own program is not meant for this one
	unset CFLAGS CPPFLAGS LDFLAGS LIBURING_CFLAGS MAKEFLAGS MFLAGS MAKELEVEL
	mkdir "$work/src"
	tar -xf "$work/liburing.tar" -C "$work/src" --strip-components=1
	logged "configure liburing" configure
	logged "compile liburing" make -C "$work/src/src" liburing.a -j2 CC="$musl_cc -idirafter $work/out/kernel" AR="$ar" \
		CFLAGS="-Os -fPIE -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-stack-protector \
			-ffile-prefix-map=$work/src=liburing"
	cp -r "$work/src/src/include/." "$work/out/include/"
	repack "$work/src/src/liburing.a" "$work/out/lib/liburing.a"
}

configure() {
	# its tests ask what compiles; -r, because there may be nothing to link a program with
	(cd "$work/src" && ./configure --cc="$musl_cc -r -nostdlib -idirafter $work/out/kernel")
}

# The same objects give the same archive: no times, no owners (D), in the order they have.
repack() {
	members=$($ar t "$1")
	# shellcheck disable=SC2086 # one word for each member
	(cd "$(dirname "$1")" && "$ar" rcsD "$2" $members)
}

logged() {
	what=$1
	shift
	"$@" >"$work/log" 2>&1 || {
		tail -n 20 "$work/log" >&2
		die "cannot $what with $musl_cc: see the lines above"
	}
}

# The product's compiler must accept the headers, and they must be new enough.
check() {
	cat >"$work/check.c" <<-END
		#include <liburing.h>
		#if IO_URING_VERSION_MAJOR * 100 + IO_URING_VERSION_MINOR < $oldest
		#error "this liburing is too old"
		#endif
	END
	# shellcheck disable=SC2086 # a compiler may be several words
	logged "use $used (liburing 2.6 or newer is needed)" $musl_cc -D_GNU_SOURCE -fsyntax-only \
		-isystem "$work/out/include" -isystem "$work/out/kernel" "$work/check.c"
}

obtain() {
	given_directory && return
	if given_tarball; then
		compile
	elif installed_for_musl; then
		return
	elif pinned_tarball || packaged_tarball; then
		compile
	else
		installed_library || die "cannot get $tarball: the archive that apt uses does not give it, and no" \
			"liburing-dev is installed; fetch it by other means and set LIBURING_TARBALL=FILE"
	fi
}

# Everything the result depends on, in one line
key() {
	given=none
	test -z "${LIBURING_TARBALL:-}" || given=$(cksum <"$LIBURING_TARBALL")
	echo "$(cat "$here/deps.sh" "$here/apt.sh" | cksum) $($musl_cc --version | head -n 1) $musl_cc $ar" \
		"${DEPS_DIR:-} ${KERNEL_HEADERS:-} $given"
}

install() {
	mkdir -p "$outdir"
	for part in include kernel lib; do
		rm -rf "${outdir:?}/$part"
		mv "$work/out/$part" "$outdir/$part"
	done
	key >"$outdir/deps.stamp"
}

test $# = 1 || die "usage: deps.sh OUTDIR"
outdir=$1
test "$(cat "$outdir/deps.stamp" 2>/dev/null)" = "$(key)" && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/out/include" "$work/out/kernel" "$work/out/lib"
link_kernel_headers
obtain
check
install
echo "liburing: $used"
