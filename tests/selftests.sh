#!/bin/sh
# SPDX-License-Identifier: MIT
#
# selftests.sh - fetch the kernel's own tests of its ublk driver, and print the directory that holds them
#
# They are in the packages of the kernel's source. The newest that the archive of this machine has is taken, from the
# last suite that tests/vm/kernels names or else from the machine's own; and the kernel's headers of the same release.
# The directory is named for the release and holds suite/, as it is in the source, and headers/. It is kept in the cache
# and never looked for again; remove it there to get a newer one.
#
# Exit status: 0, or 4 when they cannot be had; the reason is the last line of standard error.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}/selftests

# shellcheck source=build/apt.sh
. "$here/../build/apt.sh"

unavailable() {
	echo "selftests: $*" >&2
	exit 4
}

# Lines of sources.list: the newest suite first
suites() {
	suite=$(awk '/^[0-9]/ && $2 != "own" { suite = $2 } END { print suite }' "$here/vm/kernels")
	apt_suite_lines "$suite"
	apt_own_lines
}

# read_index LINE - in a private place; each suite alone, so that headers and source are of one release
read_index() {
	rm -rf "$work/apt"
	echo "$1" | apt_private "$work/apt" >"$work/log" 2>&1
}

newest_source() {
	apt_in "$work/apt" apt-cache search -n '^linux-source-[0-9.]*$' | awk '{ print $1 }' | sort -V | tail -n 1
}

download() {
	(cd "$work" && apt_in "$work/apt" apt-get -qq download "$1") >"$work/log" 2>&1
}

# The package is large and holds an archive in an archive; only what is needed is ever written down
unpack() {
	mkdir -p "$work/tests/suite" "$work/tests/headers"
	dpkg-deb --fsys-tarfile "$work/$1"_*.deb | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		tar -xJ -C "$work/tests/suite" --strip-components=5 --wildcards '*/tools/testing/selftests/ublk/*'
	dpkg-deb -x "$work"/linux-libc-dev_*.deb "$work/tests/headers"
}

fetch() {
	echo "apt reads no archive of a distribution" >"$work/log"
	suites >"$work/suites"
	while read -r line; do
		read_index "$line" || continue
		package=$(newest_source)
		test -n "$package" && download "$package" && download linux-libc-dev && unpack "$package" && return 0
	done <"$work/suites"
	unavailable "no suite that apt reaches here gives their source:" \
		"$(tail -n 1 "$work/log" | sed 's|[a-z+]*://[^ ]*|...|g')"
}

keep() {
	name=$(echo "$work"/linux-source-*.deb | sed 's/.*linux-source-[0-9.]*_\([^_]*\)_.*/\1/')
	mv -T "$work/tests" "$cache/$name" 2>/dev/null || test -d "$cache/$name" || unavailable "cannot write to $cache"
	ln -sfn "$name" "$cache/newest"
}

if ! test -d "$cache/newest/"; then
	command -v apt-get >/dev/null || unavailable "there is no apt-get here"
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	fetch
	keep
fi
readlink -f "$cache/newest"
