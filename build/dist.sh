#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dist.sh OUT - OUT/ublk-VERSION.tar.gz: the sources, from a checkout what is committed or changed there, else all but OUT
#
# The same sources make the same bytes: files are sorted and nobody's, and their time is SOURCE_DATE_EPOCH, else that of
# the last commit, which in an unpacked one is the time of the file VERSION. What build/version.sh says stands in VERSION.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$here"
version=$(build/version.sh)
name=ublk-$version

is_checkout() {
	test "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)"
}

epoch() {
	if test -n "${SOURCE_DATE_EPOCH:-}"; then
		echo "$SOURCE_DATE_EPOCH"
	elif is_checkout; then
		git log -1 --format=%ct
	else
		stat -c %Y VERSION
	fi
}

# What make clean leaves, where nobody knows what is committed
files() {
	if is_checkout; then
		git ls-files
	else
		find . -name .git -prune -o -path ./out -prune -o -path "$out" -prune -o -path "./${out#"$here"/}" -prune -o ! -type d -print | sed 's,^\./,,'
	fi | LC_ALL=C sort
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/$name"
files | while read -r file; do
	{ test ! -e "$file" && test ! -L "$file"; } || echo "$file"	# deleted, but not committed
done >"$work/files"
tar -cf - -T "$work/files" | tar -xf - -C "$work/$name"
echo "$version" >"$work/$name/VERSION"
tar -C "$work" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$(epoch)" \
	--mode=a+rX,u+w,go-w -cf "$work/tar" "$name"
gzip -9 -n <"$work/tar" >"$out/$name.tar.gz.new"
mv "$out/$name.tar.gz.new" "$out/$name.tar.gz"
echo "$out/$name.tar.gz"
