#!/bin/sh
# SPDX-License-Identifier: MIT
#
# release.sh OUT MACHINE... - OUT/release: the sources, and for each machine (x86_64, aarch64, riscv64) the static program,
# what it is made of and an image for containers; and the checksums of all of it
#
# The compiler of another machine is MACHINE-linux-gnu-gcc, with that machine's C headers beside it.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
cd "$here"
version=$(build/version.sh)
release=$out/release

die() {
	echo "release: $*" >&2
	exit 1
}

prefix() {
	test "$1" = "$(uname -m)" || echo "$1-linux-gnu-"
}

make_for() {
	prefix=$(prefix "$1")
	command -v "${prefix}gcc" >/dev/null || die "there is no ${prefix}gcc; name the machines you want: RELEASE=\"x86_64\""
	"${MAKE:-make}" --no-print-directory OUT="$out/release-$1" CROSS_COMPILE="$prefix" all oci sbom
	cp "$out/release-$1/ublk" "$release/ublk-$version-$1"
	cp "$out/release-$1/ublk.spdx.json" "$release/ublk-$version-$1.spdx.json"
	gzip -9 -n <"$out/release-$1/ublk-oci.tar" >"$release/ublk-$version-$1-oci.tar.gz"
}

test $# -gt 0 || die "for which machines?"
rm -rf "$release"
mkdir "$release"
build/dist.sh "$release"
for machine; do
	make_for "$machine"
done
(cd "$release" && LC_ALL=C sha256sum -- * >"$out/SHA256SUMS" && mv "$out/SHA256SUMS" .)
echo "$release:"
ls -l "$release"
