#!/bin/sh
# SPDX-License-Identifier: MIT
#
# musl.sh OUT - choose musl for $CC and write how to use it: OUT/musl.cflags and OUT/musl.ldflags; and which it is, as
#               build/deps.sh does: OUT/musl.used
# musl.sh --cc OUT - print the command that compiles with it, for the build of another library
#
# The first of these: the directory that MUSL names, the pinned source, the distribution's own. The pinned one is built
# for size, which distributions do not do, and at half a minute it is kept for later builds, of other checkouts too.
# No wrapper such as musl-gcc: the same few flags serve gcc, clang and cross compilers.
#
# Environment:
#   CC             compiler of the target, several words allowed (gcc)
#   AR             its ar (ar)
#   LDFLAGS        what the program will be linked with
#   MUSL           a directory with musl's include/ and lib/
#   MUSL_TARBALL   a source archive to build instead of the pinned one
#   UBLK_CACHE     where downloads and the built musl are kept (~/.cache/ublk)

set -eu

version=1.2.5
tarball=musl_$version.orig.tar.gz
sha256=a9a118bbe84d8764da0ea0d28b3ab3fae8477fc7e4085d90102b8596fc7c75e4

pinned="$version, pinned source"
here=$(cd "$(dirname "$0")" && pwd)
: "${CC:=gcc}" "${AR:=ar}"
smallest=$($CC -Oz -fsyntax-only -x c /dev/null 2>/dev/null && echo -Oz || echo -Os)
optimization="$smallest -fPIE -ffunction-sections -fdata-sections -fno-stack-protector"
cache=${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}

# shellcheck source=build/apt.sh
. "$here/apt.sh"

die() {
	echo "musl: $*" >&2
	exit 1
}

# --- the choices: each leaves $include and $lib, and says in $used what it is; or fails

given_directory() {
	test -n "${MUSL:-}" || return 1
	include=$MUSL/include lib=$MUSL/lib
	test -e "$include/stdio.h" || die "MUSL=$MUSL holds no include/stdio.h"
	test -e "$lib/rcrt1.o" || die "MUSL=$MUSL holds no lib/rcrt1.o"
	used="what MUSL=$MUSL holds"
}

# Leaves in $kept where it was or will be kept, too.
built_before() {
	include=$out/deps/musl/include lib=$out/deps/musl/lib
	used=${MUSL_TARBALL:-$pinned}
	kept=$cache/musl-$version-$(built_from | sha256sum | cut -c 1-16)
	rm -rf "$out/deps/musl"
	mkdir -p "$out/deps/musl"
	cp -r "$kept/." "$out/deps/musl" 2>/dev/null
}

source_tarball() {
	if test -n "${MUSL_TARBALL:-}"; then
		test -r "$MUSL_TARBALL" || die "cannot read MUSL_TARBALL=$MUSL_TARBALL"
		cp "$MUSL_TARBALL" "$work/musl.tar"
	else
		apt_pinned "pool/main/m/musl/$tarball" "$sha256" "$work/musl.tar"
	fi
}

installed() {
	arch=$($CC -dumpmachine | sed 's/-.*//')
	for include in "/usr/include/$arch-linux-musl" /usr/local/musl/include; do
		lib=$(echo "$include" | sed 's,/usr/include/\(.*\),/usr/lib/\1,; s,/include$,/lib,')
		used="the installed $lib"
		test -e "$include/stdio.h" && test -e "$lib/rcrt1.o" && return
	done
	# a distribution whose own libc is musl
	include=/usr/include lib=/usr/lib used="the system's own"
	test -e "$lib/rcrt1.o" && ldd --version 2>&1 | grep -q musl
}

# --- building

compile() {
	echo "musl: building $used, once for this compiler" >&2
	mkdir "$work/src"
	tar -xf "$work/musl.tar" -C "$work/src" --strip-components=1
	(
		cd "$work/src"
		# what a caller says about his own program is not meant for this one
		unset CFLAGS CPPFLAGS LDFLAGS LIBCC CROSS_COMPILE MAKEFLAGS MFLAGS MAKELEVEL
		leave_out_mathematics
		leave_out_messages
		fork_alone
		fcntl_alone
		stat_alone
		logged ./configure --prefix= --disable-shared --disable-wrapper --enable-optimize=no \
			CC="$CC" CFLAGS="$optimization -ffile-prefix-map=$work/src=musl"
		# objects as for a program, not for a shared library; the archive is made below
		logged make -j"$(nproc)" AOBJS="\$(LIBC_OBJS)" AR=true RANLIB=true lib/libc.a lib/rcrt1.o
		logged make DESTDIR="$work/musl" install-headers
		mkdir "$work/musl/lib"
		cp lib/rcrt1.o "$work/musl/lib"
		# the same objects give the same archive: no times, no owners (D), sorted
		find obj/src -name '*.o' | LC_ALL=C sort | xargs "$AR" rcsD "$work/musl/lib/libc.a"
	)
	cp -r "$work/musl/." "$out/deps/musl"
}

# A quarter of musl, of which printf and strtod need a few functions.
leave_out_mathematics() {
	rm -r src/complex
	find src/math -name '*.[csS]' | grep -Ev '/(__fpclassify|__signbit|copysign|fmod|frexp|scalbn)[fl]?\.[csS]$' | xargs rm
}

# What only streams, networks and the locks of several processes end with: "No error information" is left.
leave_out_messages() {
	for error in EDOM ENOTRECOVERABLE EOWNERDEAD ENOMSG EIDRM ENOSTR ENOSR EDESTADDRREQ ENOPROTOOPT EPROTONOSUPPORT \
		ESOCKTNOSUPPORT EPFNOSUPPORT EADDRNOTAVAIL ENETRESET EISCONN EALREADY EINPROGRESS EMULTIHOP; do
		sed -i "/^E($error,/d" src/errno/__strerror.h
	done
}

# Whoever forks here has one thread, so that nobody need be kept from holding a lock, or from starting another.
fork_alone() {
	printf '#include <unistd.h>\n\npid_t fork(void)\n{\n\treturn _Fork();\n}\n' >src/process/fork.c
}

# Kernels that have ublk do all of it themselves, on a machine of 64 bits, and nobody cancels a thread.
fcntl_alone() {
	cat >src/fcntl/fcntl.c <<-END
		#include <fcntl.h>
		#include <stdarg.h>
		#include "syscall.h"

		int fcntl(int fd, int command, ...)
		{
			va_list args;
			long argument;

			va_start(args, command);
			argument = va_arg(args, long);
			va_end(args);
			return syscall(SYS_fcntl, fd, command, argument);
		}
	END
}

# What the kernel fills in is what musl's struct stat is, on these machines: others have a struct kstat of their own.
stat_alone() {
	mv src/stat/fstatat.c src/stat/fstatat.inc
	cat >src/stat/fstatat.c <<-END
		#define _GNU_SOURCE
		#include <fcntl.h>
		#include <sys/stat.h>
		#include "syscall.h"

		#if !defined(__x86_64__) && !defined(__aarch64__) && !(defined(__riscv) && __riscv_xlen == 64)
		#include "fstatat.inc"
		#else

		int __fstatat(int fd, const char *restrict path, struct stat *restrict st, int flags)
		{
			if (flags == AT_EMPTY_PATH && !*path)
				return syscall(SYS_fstat, fd, st);
			return syscall(SYS_newfstatat, fd, path, st, flags);
		}

		weak_alias(__fstatat, fstatat);
		#endif
	END
}

# Several builds may be doing this: the directory appears complete, and the first one stays.
keep() {
	if mkdir -p "$cache" && cp -r "$work/musl" "$kept.$$"; then
		mv -T "$kept.$$" "$kept" 2>/dev/null || rm -rf "$kept.$$"
	else
		echo "musl: cannot keep it in $cache; it will be built again" >&2
		rm -rf "$kept.$$"
	fi
}

logged() {
	"$@" >"$work/log" 2>&1 || {
		tail -n 20 "$work/log" >&2
		die "cannot build $used with $CC: see the lines above"
	}
}

# --- how to use it

# The directory with stddef.h and the like, which belongs to the compiler. gcc's own is useless to clang.
compiler_headers() {
	$CC -print-file-name=include | grep / || $CC -print-resource-dir | sed 's,$,/include,'
}

compiler_runtime() {
	$CC -print-libgcc-file-name
}

# Relative relocations in their packed form are a tenth of the size. musl knows them since 1.2.4, linkers under two names.
packed_relocations() {
	grep -q DT_RELR "$include/elf.h" || return 0
	echo 'int a, *volatile b[] = { &a, &a, &a, &a }; int main(void) { return *b[0]; }' >"$work/test.c"
	for flag in -Wl,-z,pack-relative-relocs -Wl,--pack-dyn-relocs=relr; do
		# shellcheck disable=SC2086 # several words each
		$CC -fPIE -static -nostdlib -nostartfiles -Wl,-pie,--no-dynamic-linker,--fatal-warnings $flag \
			${LDFLAGS:-} "$lib/rcrt1.o" "$work/test.c" "$lib/libc.a" "$(compiler_runtime)" \
			-o "$work/test" 2>/dev/null || continue
		readelf -dW "$work/test" | grep -q RELR || continue
		echo "$flag"
		return
	done
}

# The runtime of aarch64 asks libc for what the processor can do, so libc comes once more.
write_flags() {
	printf '%s\n' "-nostdinc -isystem $include -isystem $(compiler_headers) -isystem $out/deps/include" \
		"-isystem $out/deps/kernel" | paste -sd ' ' >"$out/musl.cflags"
	cat >"$out/musl.ldflags" <<-END
		$(packed_relocations) $lib/rcrt1.o
		$lib/libc.a $(compiler_runtime) $lib/libc.a
	END
}

origin() {
	case $used in
	"$pinned") printf '%s\t%s\t%s\n' "$version" "$tarball" "$sha256" ;;
	*) printf -- '-\t-\t-\n' ;;
	esac
}

# --- what it depends on, so that nothing is done twice

compiler() {
	echo "$CC $($CC -dumpmachine)"
	$CC --version | head -n 1
}

given_source() {
	test -z "${MUSL_TARBALL:-}" || cksum <"$MUSL_TARBALL"
}

built_from() {
	compiler
	echo "$sha256"
	echo "$optimization"
	sed -n '/^compile() {/,/^# Several/p' "$here/musl.sh"
	given_source
}

key() {
	compiler
	echo "$AR ${LDFLAGS:-} ${MUSL:-}"
	cat "$here/musl.sh" "$here/apt.sh" | cksum
	given_source
	test ! -r "${MUSL:-}/lib/libc.a" || cksum <"$MUSL/lib/libc.a"
}

up_to_date() {
	test "$(cat "$out/musl.key" 2>/dev/null)" = "$(key)" && test -e "$(sed -n 's/^.* //; 1p' "$out/musl.ldflags")"
}

if test "$1" = --cc; then
	# used in other directories
	echo "$CC $(sed "s, -isystem \([^/]\), -isystem $PWD/\1,g" "$2/musl.cflags")"
	exit 0
fi

out=$1
up_to_date && test -e "$out/musl.used" && exit 0

rm -f "$out/musl.key"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
if given_directory || built_before; then
	true
elif source_tarball; then
	compile
	keep
elif ! installed; then
	die "cannot get $tarball: the archive that apt uses does not give it, and no musl is installed;" \
		"fetch it by other means and set MUSL_TARBALL=FILE, or install musl-tools (Debian) or musl-dev" \
		"(Alpine), or set MUSL=DIR"
fi
write_flags
printf 'musl\tMIT\t%s\n' "$(origin)" >"$out/musl.used"
key >"$out/musl.key"
echo "musl: $used"
