#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deb.sh OUT - OUT/deb/*.deb: packages for Debian and its relatives, made of the tarball of the sources
#
# Environment: DEBFULLNAME and DEBEMAIL are who makes them, DEB_BUILD_OPTIONS=dynamic is for the distribution's libraries.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)/deb
cd "$here"
version=$(build/version.sh)
maintainer="${DEBFULLNAME:-Whoever made this package} <${DEBEMAIL:-root@localhost}>"

rm -rf "$out"
mkdir "$out"
build/dist.sh "$out/source" >/dev/null
tar -xf "$out/source/ublk-$version.tar.gz" -C "$out"
cd "$out/ublk-$version"
cp -r packaging/debian debian
date=$(date -u -R -d "@${SOURCE_DATE_EPOCH:-$(stat -c %Y VERSION)}")
sed -i "s/@VERSION@/$version/; s/@DATE@/$date/; s/@MAINTAINER@/$maintainer/" debian/control debian/changelog
export UBLK_CACHE="${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}"
dpkg-buildpackage -us -uc -b >"$out/log" 2>&1 || { tail -n 30 "$out/log" >&2 && exit 1; }
ls "$out"/*.deb
