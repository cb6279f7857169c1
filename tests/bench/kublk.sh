#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kublk.sh DEPS - build kublk, the server that comes with the kernel's own tests of its ublk driver, and print its path
#
# Its source is what tests/selftests.sh fetches. Built as its own Makefile does (-O3), linked statically with glibc and
# our liburing (DEPS), and kept in the cache. It is never looked for again; remove it there to get a newer one.
#
# Exit status: 0, or 4 when it cannot be had; the reason is the last line of standard error.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}/peers

# All that has no main of its own belongs to it
sources() {
	for file in "$tests"/suite/*.c; do
		test "$file" != "$tests/suite/kublk.c" && grep -q '^int main' "$file" || echo "$file"
	done
}

compile() {
	# shellcheck disable=SC2046 # one word for each file
	gcc -O3 -w -D_GNU_SOURCE -static -s -isystem "$deps/include" -isystem "$tests/headers/usr/include" \
		-o "$work/kublk" $(sources) "$deps/lib/liburing.a" -lpthread >"$work/log" 2>&1
}

build() {
	tests=$("$here/../selftests.sh") || exit
	compile || {
		echo "kublk: its source does not compile: $(tail -n 1 "$work/log")" >&2
		exit 4
	}
}

keep() {
	name=kublk-$(basename "$tests")
	mv "$work/kublk" "$cache/$name"
	ln -sfn "$name" "$cache/kublk"
}

test $# = 1 || {
	echo "usage: kublk.sh DEPS" >&2
	exit 2
}
deps=$(cd "$1" && pwd)
if ! test -x "$cache/kublk"; then
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/build.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	build
	keep
fi
readlink -f "$cache/kublk"
