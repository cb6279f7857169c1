#!/bin/sh
# SPDX-License-Identifier: MIT
#
# man.sh NAME - print the manual page NAME (ublk, ublk-mem, ...) as it is installed
#
# What every disk's page says stands in core/disk-options.mdoc; a line '.\" include FILE' is replaced by that file.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)

die() {
	echo "man: $*" >&2
	exit 1
}

# A page is beside its applet: applets/NAME.8, or applets/NAME/NAME.8 where the applet is a directory.
find_page() {
	for page in "$top/applets/$1.8" "$top/applets/$1/$1.8"; do
		test -s "$page" && return
	done
	die "there is no page for $1 in applets/"
}

test $# = 1 || die "usage: man.sh NAME"
find_page "${1#ublk-}"
awk -v top="$top" '
	$1 == ".\\\"" && $2 == "include" {
		file = top "/" $3
		while ((got = (getline line < file)) > 0)
			print line
		if (got < 0) {
			print "man: cannot read " file >"/dev/stderr"
			exit 1
		}
		next
	}
	{ print }
' "$page"
