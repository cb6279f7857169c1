#!/bin/sh
# SPDX-License-Identifier: MIT
#
# sources.sh APPLET... - the sources of a program that has these applets: core, theirs, and what they take of each other,
# which is what belongs to the headers they include. Without ctl nobody asks a keeper to go on as another program, and
# stay.c is there in place of what does.
set -eu
cd "$(dirname "$0")/.."

# The headers of applets that these files include, and what belongs to them
includes() {
	# shellcheck disable=SC2086 # names of sources have no spaces
	sed -n 's,^#include "\(applets/.*/.*\)\.h",\1.h \1.c,p' $1 | tr ' ' '\n' | sort -u | while read -r file; do
		test ! -e "$file" || echo "$file"
	done
}

files=$(for name; do
	find "applets/$name" "applets/$name.c" -name '*.c' 2>/dev/null || true
done)
before=
while test "$files" != "$before"; do
	before=$files
	files=$({ echo "$before" && includes "$before"; } | LC_ALL=C sort -u)
done
case " $* " in
*" ctl "*) without='stay' ;;
*) without='upgrade|leaving|state|kept' ;;
esac
{ ls core/*.c && echo "$files"; } | grep '\.c$' | grep -Ev "^core/($without)\.c$" | LC_ALL=C sort
