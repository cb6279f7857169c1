#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kublk.sh DEPS - build kublk, the server that comes with the kernel's own tests of its ublk driver, and print its path
#
# Its source is in the packages of the kernel's source. The newest that the archive of this machine has is taken, from
# the last suite that tests/vm/kernels names or else from the machine's own; and the kernel's headers of the same
# release. Built as its own Makefile does (-O3), linked statically with glibc and our liburing (DEPS), and kept in the
# cache. It is never looked for again; remove it there to get a newer one.
#
# Exit status: 0, or 4 when it cannot be had; the reason is the last line of standard error.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}/peers

# shellcheck source=build/apt.sh
. "$here/../../build/apt.sh"

unavailable() {
	echo "kublk: $*" >&2
	exit 4
}

# Lines of sources.list: the newest suite first
suites() {
	suite=$(awk '/^[0-9]/ && $2 != "own" { suite = $2 } END { print suite }' "$here/../vm/kernels")
	apt_archives | sed "s|.*|deb & $suite main|"
	apt_sources | awk '$3 == "main" { print "deb", $1, $2, $3 }'
}

# read_index LINE - in a private place; each suite alone, so that headers and source are of one release
read_index() {
	rm -rf "$work/apt"
	apt_private "$work/apt" "$1" >"$work/log" 2>&1
}

newest_source() {
	apt_in "$work/apt" apt-cache search -n '^linux-source-[0-9.]*$' | awk '{ print $1 }' | sort -V | tail -n 1
}

download() {
	(cd "$work" && apt_in "$work/apt" apt-get -qq download "$1") >"$work/log" 2>&1
}

# The package is large and holds an archive in an archive; only what is needed is ever written down
unpack() {
	mkdir -p "$work/source" "$work/headers"
	dpkg-deb --fsys-tarfile "$work/$1"_*.deb | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		tar -xJ -C "$work/source" --strip-components=5 --wildcards '*/tools/testing/selftests/ublk/*.[ch]'
	dpkg-deb -x "$work"/linux-libc-dev_*.deb "$work/headers"
}

# All that has no main of its own belongs to it
sources() {
	for file in "$work"/source/*.c; do
		test "$file" != "$work/source/kublk.c" && grep -q '^int main' "$file" || echo "$file"
	done
}

compile() {
	# shellcheck disable=SC2046 # one word for each file
	gcc -O3 -w -D_GNU_SOURCE -static -s -isystem "$deps/include" -isystem "$work/headers/usr/include" \
		-o "$work/kublk" $(sources) "$deps/lib/liburing.a" -lpthread >"$work/log" 2>&1
}

build() {
	suites >"$work/suites"
	while read -r line; do
		read_index "$line" || continue
		package=$(newest_source)
		test -n "$package" && download "$package" && download linux-libc-dev && unpack "$package" && compile &&
			return 0
	done <"$work/suites"
	unavailable "no suite that apt reaches here gives its source, or it does not compile:" \
		"$(tail -n 1 "$work/log" | sed 's|[a-z+]*://[^ ]*|...|g')"
}

keep() {
	name=kublk-$(echo "$work"/linux-source-*.deb | sed 's/.*linux-source-[0-9.]*_\([^_]*\)_.*/\1/')
	mv "$work/kublk" "$cache/$name"
	ln -sfn "$name" "$cache/kublk"
}

test $# = 1 || {
	echo "usage: kublk.sh DEPS" >&2
	exit 2
}
deps=$(cd "$1" && pwd)
if ! test -x "$cache/kublk"; then
	command -v apt-get >/dev/null || unavailable "there is no apt-get here"
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	build
	keep
fi
readlink -f "$cache/kublk"
