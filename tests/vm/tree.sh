#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tree.sh - print the image of a file system with a real tree in it, after building it if needed
#
# Real means what a machine really has: kernel modules, documentation, headers, programs; names, sizes and links as they
# are, taken from this machine until there is enough. It is erofs, read-only, made once and kept in the cache.

set -eu
PATH=$PATH:/usr/sbin:/sbin

files=12000     # so many files and links, and never less than 10000
bytes=160000000 # and not more than this in all

cache=${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}
image=$cache/tree.erofs

die() {
	echo "vm: $*" >&2
	exit 1
}

# What there is, a line each: size and path. Every directory gives some, so that there is something of everything.
candidates() {
	set -- "$cache/kernels/6.12/lib/modules" /usr/share/zoneinfo /usr/include /usr/share/doc /usr/share/man /usr/share \
		/usr/lib
	for directory; do
		test -d "$directory" || continue
		find "$directory" -xdev \( -type f -o -type l \) -readable ! -name "*
*" -printf '%s %p\n' 2>/dev/null | LC_ALL=C sort -k2 | head -n 9000
	done
}

# A file may take 400 times its fair share of what is left: large ones get in, and there is always room for the rest.
choose() {
	awk -v files=$files -v bytes=$bytes '
		files > 0 && $1 <= 400 * bytes / files {
			path = substr($0, length($1) + 2)
			if (seen[path]++)
				next
			bytes -= $1
			files--
			print path
		}'
}

collect() {
	candidates | choose >"$work/list"
	count=$(wc -l <"$work/list")
	test "$count" -ge 10000 || die "this machine has only $count files to make a tree of; 10000 are needed"
	mkdir "$work/tree"
	# a link that leads nowhere in the copy is still a link
	tar -C / -c --no-recursion --transform 's,^.*/kernels/6.12/,,S' -T "$work/list" 2>/dev/null | tar -C "$work/tree" -x
	count=$(find "$work/tree" ! -type d | wc -l)
	test "$count" -ge 10000 || die "only $count files could be copied; 10000 are needed"
}

if ! test -e "$image"; then
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/tree.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	collect
	mkfs.erofs --all-root "$work/image" "$work/tree" >"$work/log" 2>&1 ||
		die "cannot make the image: $(cat "$work/log")"
	mv "$work/image" "$image"
fi
echo "$image"
