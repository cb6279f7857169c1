#!/bin/sh
# SPDX-License-Identifier: MIT
#
# packaging.sh - what packages are made with names the version, the applets and the targets that there are. Prints TAP.
#
# shellcheck disable=SC2317 # what claim calls
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/claims.sh
. "$top/tests/claims.sh"
applets=$(sed -n 's/^APPLET(\(.*\))/\1/p' applets/list.h | sort)

versions() {
	version=$(cat VERSION)
	test "$(grep -hE '^(pkgver|UBLK_VERSION|PKG_VERSION) ?:?=' packaging/*/* | sed 's/.*= *//' | sort -u)" = "${version%%+*}" &&
		grep -q "^## .*${version%%+*}" CHANGELOG.md
}

every_applet_can_be_chosen() {
	test "$(sed -n 's/^config BR2_PACKAGE_UBLK_\(.*\)/\1/p' packaging/buildroot/Config.in | tr '[:upper:]' '[:lower:]' | sort)" = "$applets" &&
		for name in $applets; do
			grep -q "BR2_PACKAGE_UBLK_$(echo "$name" | tr '[:lower:]' '[:upper:]')),$name)" packaging/buildroot/ublk.mk || return 1
		done
}

applets_exist() {
	for name in $(sed -n 's/^UBLK_APPLETS:=//p' packaging/openwrt/Makefile); do
		echo "$applets" | grep -qx "$name" || return 1
	done
}

# Makefile has every target that is asked for
targets_exist() {
	targets=$(make -npq help 2>/dev/null | sed -n 's/^\(install[a-z-]*\):.*/\1/p')
	for name in $(grep -hoE '\<install(-[a-z]+)*\>' packaging/alpine/APKBUILD packaging/buildroot/ublk.mk packaging/debian/rules | sort -u); do
		case $name in
		install-) ;;
		*) echo "$targets" | grep -qx -e "$name" || { echo "$name" && return 1; } ;;
		esac
	done
}

reads_as_shell() {
	sh -n packaging/alpine/APKBUILD && sh -n packaging/debian/ublk.postinst
}

# The root make, fed with an OpenWrt or Buildroot of nothing but what these use
reads_as_make() {
	mkdir -p "$work/include" &&
		touch "$work/rules.mk" "$work/include/kernel.mk" "$work/include/package.mk" &&
		make -n -f packaging/openwrt/Makefile TOPDIR="$work" INCLUDE_DIR="$work/include" -p 2>/dev/null | grep -q '^define Package/ublk$' &&
		echo 'all: ; @echo $(UBLK_MAKE)' | cat packaging/buildroot/ublk.mk - >"$work/br.mk" &&
		make -s -f "$work/br.mk" BR2_PACKAGE_UBLK_MEM=y BR2_PACKAGE_UBLK_CTL=y | grep -q 'APPLETS=mem ctl'
}

# Other flags make a larger program, and OpenWrt's say where its libraries' headers are
flags_are_told() {
	printf '%s\n' 'define BuildPackage' 'compile:' '	$$(Build/Compile)' 'endef' >"$work/include/package.mk" &&
		make -n -f packaging/openwrt/Makefile compile TOPDIR="$work" INCLUDE_DIR="$work/include" \
			TARGET_CFLAGS=-Oflag TARGET_CPPFLAGS=-Iheaders TARGET_LDFLAGS=-Llibraries >"$work/told" &&
		grep -e -Oflag "$work/told" | grep -e -Iheaders | grep -e -Llibraries | grep SIZE_LIMIT=none &&
		grep 'SIZE_LIMIT=none' packaging/buildroot/ublk.mk || return 1
	(
		make() { echo make "$@"; }
		pkgdir=/nowhere
		# shellcheck source=packaging/alpine/APKBUILD
		. ./packaging/alpine/APKBUILD
		build && package
	) >"$work/told"
	cat "$work/told"
	test "$(grep -c '^make ' "$work/told")" = 2 && ! grep -v SIZE_LIMIT=none "$work/told"
}

claim "they are of this version, and the changes tell of it" versions
claim "every applet can be chosen in Buildroot" every_applet_can_be_chosen
claim "OpenWrt's are applets" applets_exist
claim "they install by targets that there are" targets_exist
claim "Alpine's and Debian's are read by the shell" reads_as_shell
claim "Buildroot's and OpenWrt's are read by make" reads_as_make
claim "make is told the flags of each, and that they make a larger program" flags_are_told
claims_end
