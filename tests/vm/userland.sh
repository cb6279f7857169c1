#!/bin/sh
# SPDX-License-Identifier: MIT
#
# userland.sh ARCHITECTURE - print a directory with the programs of an image for another machine, as Debian packages them
#
# ARCHITECTURE is Debian's word for it, arm64 or riscv64. Nothing of it is installed here, and none of it can run here:
# the packages are unpacked, and no more. It is kept in the cache and never looked for again; remove it there to get a
# newer one.
#
# Exit status: 0, or 4 when it cannot be had; the reason is the last line of standard error.

set -eu

packages="
	bash busybox-static coreutils crun dash dmsetup e2fsprogs erofs-utils fdisk findutils fio jq kmod libcap2-bin mount
	strace udev util-linux util-linux-extra xfsprogs zip"

here=$(cd "$(dirname "$0")" && pwd)
cache=${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}/vm

# shellcheck source=build/apt.sh
. "$here/../../build/apt.sh"

unavailable() {
	echo "userland: $*" >&2
	exit 4
}

# Debian has had riscv64 since trixie
sources() {
	if test "$apt_architecture" = riscv64; then
		apt_suite_lines trixie
	else
		apt_own_lines
	fi
}

fetch() {
	sources >"$work/sources"
	test -s "$work/sources" || unavailable "apt reads no archive of a distribution here"
	apt_private "$work/apt" <"$work/sources" >"$work/log" 2>&1 ||
		unavailable "cannot read the archive that apt uses: $(apt_reason "$work/log")"
	# shellcheck disable=SC2086 # one word for each package
	apt_in "$work/apt" apt-get -qq -y --no-install-recommends --download-only install $packages >"$work/log" 2>&1 ||
		unavailable "cannot download the programs of $apt_architecture: $(apt_reason "$work/log")"
}

# On a Debian that was installed long ago /bin and /usr/bin are two directories, and packages still have both
unpack() {
	mkdir "$work/all" "$work/root" "$work/root/usr"
	for package in "$work/apt/cache/archives"/*.deb; do
		dpkg-deb -x "$package" "$work/all"
	done
	for directory in bin sbin lib usr/bin usr/sbin usr/lib; do
		test ! -d "$work/all/$directory" || test -L "$work/all/$directory" ||
			cp -a "$work/all/$directory" "$work/root/usr/"
	done
}

build() {
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/build.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	command -v apt-get >/dev/null || unavailable "there is no apt-get here"
	fetch
	unpack
	# two runs may have done this at the same time: the first one stays
	mv -T "$work/root" "$userland" 2>/dev/null || test -d "$userland" || unavailable "cannot write to $cache"
	# those of other days are of no use to anybody
	find "$cache" -maxdepth 1 -name 'userland-*' -mtime +14 -exec rm -rf {} +
}

test $# = 1 || {
	echo "usage: userland.sh ARCHITECTURE" >&2
	exit 2
}
apt_architecture=$1
userland=$cache/userland-$1-$(cksum <"$here/userland.sh" | cut -d ' ' -f 1)
test -d "$userland" || build
touch "$userland"
echo "$userland"
