#!/bin/sh
# SPDX-License-Identifier: MIT
#
# debian.sh [openrc] - print an archive with a small Debian: systemd, sysvinit, runit, initramfs-tools, dracut
#
# With openrc this has the place of sysvinit's own scripts.
#
# It is the distribution that this machine runs, from where apt gets it here; nothing is installed on this machine. It
# is kept in the cache and never looked for again; remove it there to get a newer one.
#
# Exit status: 0, or 4 when it cannot be had; the reason is the last line of standard error.

set -eu
PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
cache=${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}/vm

# shellcheck source=build/apt.sh
. "$here/../../build/apt.sh"

# dracut-core and initramfs-tools may be there at once, as systemd and sysvinit-core may: both at their own paths
packages="
	base-files base-passwd bash busybox-static coreutils dash debianutils diffutils dpkg e2fsprogs findutils grep gzip
	hostname init-system-helpers kmod libc-bin login lz4 mawk mount ncurses-base ncurses-bin perl-base procps sed
	sysvinit-utils tar udev util-linux
	systemd sysvinit-core initscripts runit
	initramfs-tools dracut-core
	${1:-}"

unavailable() {
	echo "debian: $*" >&2
	exit 4
}

build() {
	test "$(id -u)" = 0 || unavailable "this takes root: packages are set up below a root of their own"
	command -v mmdebstrap >/dev/null || unavailable "there is no mmdebstrap here: build/packages.sh boot installs it"
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/build.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	apt_own_lines >"$work/sources"
	test -s "$work/sources" || unavailable "apt reads no archive of a distribution here"
	# shellcheck disable=SC2086 # one word for each package
	mmdebstrap --mode=root --variant=custom --format=tar \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/lib/udev/hwdb.d/*' \
		--customize-hook='rm -rf "$1"/etc/apt/sources.list*' \
		--include="$(echo $packages | tr ' ' ,)" '' "$work/image" - <"$work/sources" >"$work/log" 2>&1 ||
		unavailable "cannot set up packages: $(apt_reason "$work/log")"
	mv "$work/image" "$image"
}

image=$cache/debian${1:+-$1}-$(cksum <"$here/debian.sh" | cut -d ' ' -f 1).tar
test -e "$image" || build
touch "$image"
echo "$image"
