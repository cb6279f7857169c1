#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh - every part that make can install is taken away by its counterpart, and nothing else is touched. Prints TAP.
#
# Environment: UBLK_BIN=FILE is the program (out/ublk).
#
# shellcheck disable=SC2086,SC2317 # a word for each part; what claim calls
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/claims.sh
. "$top/tests/claims.sh"
ublk=$(readlink -f "${UBLK_BIN:-$top/out/ublk}")
applets=$("$ublk" --list)
root="$work/a root"		# a path may have blanks

# As make itself says, because some names are made of others
targets=$(make -npq help 2>/dev/null | sed -n 's/^\(un\)\{0,1\}install-[a-z-]*:/&/p' | sed 's/:.*//' | sort -u)
parts=$(echo "$targets" | sed -n 's/^install-//p')

files() {
	(cd "$root" && find . ! -type d | sort)
}

make_parts() {
	for part in $parts; do
		make -s PREFIX=/usr DESTDIR="$root" "$1-$part"
	done
}

# What stands there already, of somebody else
prepare() {
	mkdir -p "$root/usr/sbin" "$root/usr/share/man/man8"
	touch "$root/usr/sbin/other" "$root/usr/share/man/man8/other.8"
	files >"$work/before"
}

has_counterparts() {
	for part in $parts; do
		test "$part" = strip || echo "$targets" | grep -qx "uninstall-$part" || { echo "uninstall-$part" && return 1; }
	done
}

installs() {
	make_parts install
	files >"$work/installed"
	for name in $applets; do
		test "$(readlink "$root/usr/sbin/ublk-$name")" = ublk || return 1
		test -s "$root/usr/share/man/man8/ublk-$name.8" || return 1
	done
	cmp "$ublk" "$root/usr/sbin/ublk"
}

# Nothing may be put where only the administrator writes, nor outside of the prefix
within_prefix() {
	! grep -v -e '^\./usr/' -e '^\./etc/' "$work/installed" && ! grep '^\./usr/local/' "$work/installed"
}

# No text names the place where it was put together
no_trace() {
	! grep -rI -e "$root" -e '@[A-Z]*@' "$root"
}

readable() {
	! find "$root" ! -type l ! -perm -444 | grep . && ! find "$root" -perm -022 ! -type l | grep .
}

uninstalls() {
	parts=$(echo "$parts" | grep -v '^strip$')
	make_parts uninstall
	files | diff "$work/before" -
}

own_directories_go() {
	! find "$root" -type d -name '*ublk*' | grep .
}

links() {
	make -s PREFIX=/usr DESTDIR="$root/$1" LINKS="$1" install-bin
}

hard() {
	links hardlink && test "$(stat -c %h "$root/hardlink/usr/sbin/ublk")" = $(($(echo "$applets" | wc -l) + 1))
}

without() {
	links none && test "$(ls "$root/none/usr/sbin")" = ublk
}

prepare
claim "each part that can be installed can be uninstalled" has_counterparts
claim "all of them are installed, program, links and pages among them" installs
claim "below the prefix" within_prefix
claim "no file names DESTDIR, or what should have been replaced" no_trace
claim "everybody may read it, and only the owner write" readable
claim "uninstalling leaves what was there before" uninstalls
claim "and no directory of ublk's own" own_directories_go
claim "links may be hard" hard
claim "or absent" without
claims_end
