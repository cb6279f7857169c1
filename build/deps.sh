#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deps.sh OUTDIR - the libraries ublk is linked with: OUTDIR/include, OUTDIR/kernel and OUTDIR/lib/*.a
#
# liburing, and of zlib and libdeflate what unpacks; each pinned by its checksum and built with musl. Built as here they
# need nothing of any libc but memcpy, memset, malloc and free, so the same archives also go into the glibc builds that
# run under the sanitizers. OUTDIR/kernel holds the kernel's headers alone: musl-gcc does not look in /usr/include, and
# must not, or headers that musl lacks would be taken from glibc. OUTDIR/used says what each is, for build/sbom.sh: name,
# licence, version, file and its SHA256, with "-" for what is only known of the pinned ones.
#
# Environment:
#   MUSL_CC            compiler of the target, several words allowed (musl-gcc)
#   AR                 its ar (ar)
#   DEPS_DIR           a directory with the headers in include and lib/lib{uring,z,deflate}.a to take as they are
#   LIBURING_TARBALL, ZLIB_TARBALL, LIBDEFLATE_TARBALL
#                      a source archive to build instead of the pinned one
#   UBLK_CACHE         where downloads are kept (~/.cache/ublk)

set -eu

libraries="liburing zlib libdeflate"

# What is to be known of each; a version other than the pinned one may come from the system.
describe() {
	library=$1
	case $library in
	liburing)
		archive=liburing.a headers="liburing.h liburing" given=${LIBURING_TARBALL:-} given_by=LIBURING_TARBALL
		pool=pool/main/libu/liburing/liburing_2.9.orig.tar.gz
		sha256=57e9b36e4ac1e46b8e0351dfb1694dc59638fc25e384b4ba36d87b800b16db1a
		newer="2.6 or newer" package=liburing-dev header=liburing.h version=2.9 licence="MIT OR LGPL-2.1-or-later"
		enough="IO_URING_VERSION_MAJOR * 100 + IO_URING_VERSION_MINOR >= 206"
		;;
	zlib)
		archive=libz.a headers="zlib.h zconf.h" given=${ZLIB_TARBALL:-} given_by=ZLIB_TARBALL
		pool=pool/main/z/zlib/zlib_1.3.dfsg+really1.3.1.orig.tar.gz
		sha256=60dd315c07f616887caa029408308a018ace66e3d142726a97db164b3b8f69fb
		newer="1.2.9 or newer" package=zlib1g-dev header=zlib.h enough="ZLIB_VERNUM >= 0x1290"
		version=1.3.1 licence=Zlib
		;;
	libdeflate)
		archive=libdeflate.a headers=libdeflate.h given=${LIBDEFLATE_TARBALL:-} given_by=LIBDEFLATE_TARBALL
		pool=pool/main/libd/libdeflate/libdeflate_1.23.orig.tar.gz
		sha256=1ab18349b9fb0ce8a0ca4116bded725be7dcbfa709e19f6f983d99df1fb8b25f
		newer="1.14 or newer" package=libdeflate-dev header=libdeflate.h version=1.23 licence=MIT
		enough="LIBDEFLATE_VERSION_MAJOR * 100 + LIBDEFLATE_VERSION_MINOR >= 114"
		;;
	esac
}

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

# --- where the sources come from: each function leaves the archive in $work/$library.tar, or fails

given_tarball() {
	test -n "$given" || return 1
	test -r "$given" || die "cannot read $given_by=$given"
	cp "$given" "$work/$library.tar"
	used="the tarball given, $given"
}

pinned_tarball() {
	apt_pinned "$pool" "$sha256" "$work/$library.tar" || return 1
	used="pinned source"
	origin="$version	${pool##*/}	$sha256"
}

# The distribution's own version, whatever that is. Its signature is checked by apt, its age by check().
packaged_tarball() {
	command -v apt-get >/dev/null || return 1
	test -e "$work/apt" || source_lines | apt_private "$work/apt" >/dev/null 2>&1 || return 1
	(cd "$work" && apt_in "$work/apt" apt-get -qq source --download-only --tar-only "$library") >/dev/null 2>&1 || return 1
	set -- "$work/$library"_*.orig.tar.*
	test -e "$1" || return 1
	mv "$1" "$work/$library.tar"
	used="the distribution's source, ${1##*/}"
}

source_lines() {
	apt_sources | awk '$3 == "main" || $3 == "universe" { print "deb-src", $1, $2, $3 }'
}

# --- what is taken as it is

given_directory() {
	test -n "${DEPS_DIR:-}" || return 1
	test -e "$DEPS_DIR/lib/$archive" || die "DEPS_DIR=$DEPS_DIR holds no lib/$archive"
	take "$DEPS_DIR/include" "$DEPS_DIR/lib"
	used="what DEPS_DIR=$DEPS_DIR holds"
}

installed_library() {
	multiarch=$($musl_cc -print-multiarch 2>/dev/null || true)
	for lib in "/usr/lib/$multiarch" /usr/lib64 /usr/lib; do
		test -e "$lib/$archive" || continue
		take "/usr/include" "$lib"
		used="the installed $lib/$archive"
		return 0
	done
	return 1
}

# A distribution that is itself musl packages just what we would build.
installed_for_musl() {
	ldd --version 2>&1 | grep -q musl && installed_library
}

# take INCLUDES LIBRARIES
take() {
	for part in $headers; do
		cp -r "$1/$part" "$work/out/include/"
	done
	cp "$2/$archive" "$work/out/lib/$archive"
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

# what all of them are compiled with; how they are optimized is their own
for_musl="-fPIE -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-stack-protector"

compile() {
	# what a caller says about his own program is not meant for these
	unset CFLAGS CPPFLAGS LDFLAGS LIBURING_CFLAGS MAKEFLAGS MFLAGS MAKELEVEL
	source=$work/source/$library
	mkdir -p "$source"
	tar -xf "$work/$library.tar" -C "$source" --strip-components=1
	for_musl_here="$for_musl -ffile-prefix-map=$source=$library"
	"compile_$library"
}

compile_liburing() {
	logged "configure liburing" configure
	logged "compile liburing" make -C "$source/src" liburing.a -j2 CC="$musl_cc -idirafter $work/out/kernel" AR="$ar" \
		CFLAGS="-Os $for_musl_here"
	cp -r "$source/src/include/." "$work/out/include/"
	repack "$source/src/liburing.a"
}

configure() {
	# its tests ask what compiles; -r, because there may be nothing to link a program with
	(cd "$source" && ./configure --cc="$musl_cc -r -nostdlib -idirafter $work/out/kernel")
}

# What inflates a bare stream: no files, no headers of gzip, and no checksums, of which libdeflate does one faster. Tables
# of fixed codes are made when they are first wanted, before there are threads (scan_prepare).
compile_zlib() {
	pick -DNO_GZIP -DBUILDFIXED -Os inflate inftrees zutil -O2 inffast
	cp "$source/zlib.h" "$source/zconf.h" "$work/out/include/"
}

# What decompresses, and CRC32. Its widest vectors would be a tenth faster where 10 GB/s are already more than enough; and
# processors that multiply no polynomials (x86 before 2010, riscv64) get the small table, as the large one is 8 KiB. CRC32
# is there without the longer encoding of the same instructions, which makes no difference; inflating with BMI2, which
# takes 3.3 KB, is 8 % faster, and the copy for x86 before 2013, which is without, is no slower for being small.
compile_libdeflate() {
	sed -i 's/define DEFAULT_IMPL crc32_slice8$/define DEFAULT_IMPL crc32_slice1/' "$source/lib/crc32.c"
	sed -i "s/ifdef crc32_x86_pclmulqdq_avx$/if 0/" "$source/lib/x86/crc32_impl.h"
	sed -i '/^#undef ATTRIBUTES$/a#if defined(ARCH_X86_64) && !defined(__clang__)\n#define ATTRIBUTES __attribute__((optimize("Os")))\n#endif' \
		"$source/lib/deflate_decompress.c"
	pick -DLIBDEFLATE_ASSEMBLER_DOES_NOT_SUPPORT_VPCLMULQDQ -O2 lib/deflate_decompress -Os lib/crc32 lib/utils \
		lib/x86/cpu_features lib/arm/cpu_features
	cp "$source/libdeflate.h" "$work/out/include/"
}

# pick [FLAG... SOURCE...]... - an archive of these few, each compiled with all flags that stand before it, of which the
# last -O counts; names of objects count up, because some sources have the same one
pick() {
	flags='' number=0
	for name in "$@"; do
		case $name in
		-*) flags="$flags $name" && continue ;;
		esac
		number=$((number + 1))
		# shellcheck disable=SC2086 # several words each
		logged "compile $library" $musl_cc $flags $for_musl_here -c -o "$source/$number.o" "$source/$name.c"
	done
	(cd "$source" && "$ar" rcsD "$source/$archive" [0-9].o)
	mv "$source/$archive" "$work/out/lib/$archive"
}

# The same objects give the same archive: no times, no owners (D), in the order they have.
repack() {
	members=$($ar t "$1")
	# shellcheck disable=SC2086 # one word for each member
	(cd "$(dirname "$1")" && "$ar" rcsD "$work/out/lib/$archive" $members)
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
		#include <$header>
		#if !($enough)
		#error "this $library is too old"
		#endif
	END
	# shellcheck disable=SC2086 # a compiler may be several words
	logged "use $used ($library $newer is needed)" $musl_cc -D_GNU_SOURCE -fsyntax-only \
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
		installed_library || die "cannot get ${pool##*/}: the archive that apt uses does not give it, and no" \
			"$package is installed; fetch it by other means and set $given_by=FILE"
	fi
}

# Everything the result depends on, in one line
key() {
	sums=none
	for tarball in "${LIBURING_TARBALL:-}" "${ZLIB_TARBALL:-}" "${LIBDEFLATE_TARBALL:-}"; do
		test -z "$tarball" || sums="$sums $(cksum <"$tarball")"
	done
	echo "$(cat "$here/deps.sh" "$here/apt.sh" | cksum) $($musl_cc --version | head -n 1) $musl_cc $ar" \
		"${DEPS_DIR:-} ${KERNEL_HEADERS:-} $sums"
}

install() {
	mkdir -p "$outdir"
	for part in include kernel lib used; do
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
for name in $libraries; do
	describe "$name"
	origin="-	-	-"
	obtain
	check
	echo "$library: $used"
	printf '%s\t%s\t%s\n' "$library" "$licence" "$origin" >>"$work/out/used"
done
install
