#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kernel.sh NAME - fetch a kernel of the list in "kernels" and print its directory
#
# The directory holds vmlinuz and lib/modules/RELEASE as the distribution built them. It is kept in the cache and never
# looked for again; remove it there to get a newer one. A name that is not in the list is looked for in the last suite.
# 6.12-aarch64 is the same kernel for another machine, 6.12-16k-aarch64 with larger pages, and 6.12-riscv64 likewise.
#
# Exit status: 0, or 4 when the kernel cannot be had; the reason is the last line of standard error.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}/kernels

# shellcheck source=build/apt.sh
. "$here/../../build/apt.sh"

unavailable() {
	echo "kernel $name: $*" >&2
	exit 4
}

where() {
	awk -v name="$version" '/^[0-9]/ { where = $2 } $1 == name { exit } END { print where }' "$here/kernels"
}

# The packages of this name
choose_flavour() {
	case $name in
	*-16k-aarch64) flavour=arm64-16k apt_architecture=arm64 ;;
	*-aarch64) flavour=cloud-arm64 apt_architecture=arm64 ;;
	*-riscv64) flavour=riscv64 apt_architecture=riscv64 ;;
	*) flavour=cloud-amd64 ;;
	esac
}

# Lines of sources.list for the suites that may hold it. Debian has had riscv64 since trixie.
sources() {
	if test "$(where)" = own && test $flavour = riscv64; then
		apt_suite_lines trixie
	elif test "$(where)" = own; then
		apt_own_lines
	else
		apt_suite_lines "$(where)"
	fi
}

read_indexes() {
	command -v apt-get >/dev/null || unavailable "there is no apt-get here; give the directory of a kernel instead"
	sources >"$work/sources"
	test -s "$work/sources" || unavailable "apt reads no archive of a distribution here"
	apt_private "$work/apt" <"$work/sources" >"$work/log" 2>&1 ||
		unavailable "cannot read the suite '$(where)' from the archive that apt uses: $(apt_reason "$work/log")"
}

# The releases there are, newest first, such as 6.12.117+deb12-cloud-amd64
releases() {
	apt_in "$work/apt" apt-cache search -n "^linux-(image|binary).*-$flavour" | awk '{ print $1 }' |
		sed -n "s/^linux-[a-z-]*-\($(echo "$version" | sed 's/\./\\./g')\.[0-9.]*+[^-]*-$flavour\).*/\1/p" |
		sed '/-dbg$/d; s/-unsigned$//' | sort -ruV
}

# Up to 6.18 one package holds everything; later ones are split. Signed or not makes no difference to qemu.
fetch() {
	rm -rf "$work/root"
	mkdir "$work/root"
	for package in linux-image linux-binary linux-modules linux-base; do
		unpack "$package-$1" || unpack "$package-unsigned-$1" || unpack "$package-$1-unsigned" || true
	done
}

unpack() {
	(cd "$work" && apt_in "$work/apt" apt-get -qq download "$1") >"$work/log" 2>&1 || return 1
	dpkg-deb -x "$work/$1"_*.deb "$work/root"
}

# Bring what was unpacked into the form that is promised above; fail when something is missing
arrange() {
	mkdir -p "$work/kernel/lib"
	for modules in "$work/root/lib/modules" "$work/root/usr/lib/modules"; do
		test ! -d "$modules/$1" || mv "$modules" "$work/kernel/lib/modules"
	done
	set -- "$1" "$work/kernel/lib/modules/$1"
	for image in "$work/root/boot/vmlinuz-$1" "$work/root/boot/vmlinux-$1" "$2/vmlinuz" "$2/vmlinuz.unsigned"; do
		test ! -e "$image" || mv "$image" "$work/kernel/vmlinuz"
	done
	test -e "$work/kernel/vmlinuz" && ls "$2"/kernel/drivers/block/ublk_drv.ko* >/dev/null 2>&1 || return 1
	depmod -b "$work/kernel" "$1"
}

keep() {
	mkdir -p "$cache"
	chmod -R a+rX "$work/kernel"
	# two runs may have fetched it at the same time: the first one stays
	mv -T "$work/kernel" "$cache/$1" 2>/dev/null || test -d "$cache/$1" || unavailable "cannot write to $cache"
	ln -sfn "$1" "$cache/$name"
}

find_and_fetch() {
	read_indexes
	releases >"$work/releases"
	test -s "$work/releases" || unavailable "the suite '$(where)' holds no kernel $version for $flavour now"
	while read -r release; do
		fetch "$release"
		if arrange "$release"; then
			keep "$release"
			return
		fi
		rm -rf "$work/kernel"
	done <"$work/releases"
	unavailable "none of the packages that the suite '$(where)' lists can be downloaded: $(apt_reason "$work/log")"
}

test $# = 1 || {
	echo "usage: kernel.sh NAME" >&2
	exit 2
}
name=$1 version=${1%%-*}
choose_flavour
case $version in
*[!0-9.]* | '') unavailable "this is no name of a kernel: 6.12 is" ;;
esac

if ! test -e "$cache/$name/vmlinuz"; then
	PATH=$PATH:/usr/sbin:/sbin
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	find_and_fetch
fi
readlink -f "$cache/$name"
