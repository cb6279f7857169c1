#!/bin/sh
# SPDX-License-Identifier: MIT
#
# systemd.sh - print an archive with systemd and udev as this machine's distribution packages them
#
# The kernel unpacks it after the image, so it holds only what the packages hold, with all the libraries that they ask
# for. Nothing of it is installed on this machine. It is kept in the cache and never looked for again; remove it there
# to get a newer one.
#
# Exit status: 0, or 4 when it cannot be had; the reason is the last line of standard error.

set -eu
PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
cache=${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}/vm

# shellcheck source=build/apt.sh
. "$here/../../build/apt.sh"

unavailable() {
	echo "systemd: $*" >&2
	exit 4
}

fetch() {
	apt_own_lines >"$work/sources"
	test -s "$work/sources" || unavailable "apt reads no archive of a distribution here"
	apt_private "$work/apt" <"$work/sources" >"$work/log" 2>&1 ||
		unavailable "cannot read the archive that apt uses: $(apt_reason "$work/log")"
	apt_in "$work/apt" apt-get -qq -y --no-install-recommends --download-only install systemd udev kmod >"$work/log" 2>&1 ||
		unavailable "cannot download systemd and udev: $(apt_reason "$work/log")"
}

# Directories that are links in the image must not come as directories here: they would take the links' place.
unpack() {
	mkdir -p "$work/all" "$work/root/usr"
	for package in "$work/apt/cache/archives"/*.deb; do
		dpkg-deb -x "$package" "$work/all"
	done
	for directory in bin sbin lib lib64; do
		test ! -d "$work/all/$directory" || cp -a "$work/all/$directory" "$work/root/usr/"
	done
	for directory in bin sbin lib lib64 share/dbus-1; do
		test ! -d "$work/all/usr/$directory" || cp -a "$work/all/usr/$directory" "$work/root/usr/"
	done
	cp -a "$work/all/etc" "$work/root/"
	rm -rf "$work/root/usr/lib/udev/hwdb.d" "$work/root/usr/lib/x86_64-linux-gnu/gconv"
}

# With a name of its own the machine has been set up before, and enables nothing by itself.
configure() {
	echo 0123456789abcdef0123456789abcdef >"$work/root/etc/machine-id"
	rm -f "$work/root/etc/systemd/system"/*.wants/* "$work/root/etc/fstab"
}

build() {
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/build.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	command -v apt-get >/dev/null || unavailable "there is no apt-get here"
	fetch
	unpack
	configure
	(cd "$work/root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$work/image"
	mv "$work/image" "$image"
}

image=$cache/systemd-$(cksum <"$here/systemd.sh" | cut -d ' ' -f 1).cpio
test -e "$image" || build
touch "$image"
echo "$image"
