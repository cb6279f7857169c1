#!/bin/bash
# SPDX-License-Identifier: MIT
#
# standin.sh GENERATOR TREE STAGE - put into STAGE what mkinitcpio or mkinitfs would, from the system in TREE
#
# Debian has neither. Their words are defined here, as their documentation has them; and what goes on in the initramfs
# is done by standins/ with busybox, as far as hooks notice. "mkinitcpio-unit" is mkinitcpio with systemd, which is
# not put in.
#
# shellcheck disable=SC2317 # what the hooks call

set -eu

# --- mkinitcpio's words for hooks

add_module() {
	local file

	modprobe -d "$tree" -S "$release" --show-depends "$1" | awk '$1 == "insmod" { print $2 }' | while read -r file; do
		install -D -m 644 "$file" "$stage/usr/${file#"$tree"/}"
	done
}

add_file() {
	install -D -m 644 "$tree$1" "$stage${2:-$1}"
}

add_binary() {
	install -D "$tree$1" "$stage${2:-$1}"
}

add_symlink() {
	mkdir -p "$stage${1%/*}"
	ln -s "$2" "$stage$1"
}

add_udev_rule() {
	add_file "$1"
}

add_runscript() {
	add_binary "$hooks/hooks/ublk" /hooks/ublk
}

# --- what is in every initramfs

put_base() {
	mkdir -p "$stage"/{bin,dev,etc,proc,sys,run,tmp,new_root,sysroot,usr/lib,usr/sbin}
	ln -s usr/lib usr/sbin "$stage/"
	add_binary /usr/bin/busybox /bin/busybox
	ln -s busybox "$stage/bin/sh"
	for list in order builtin builtin.modinfo; do
		add_file "/usr/lib/modules/$release/modules.$list"
	done
	add_module virtio_blk
}

mkinitcpio() {
	hooks=/usr/lib/initcpio
	# shellcheck disable=SC1090 # not there before it is installed
	. "$tree$hooks/install/ublk"
	build
}

# Each line of a .files is a path; each of a .modules a pattern below the directory of modules
mkinitfs() {
	local features=$tree/etc/mkinitfs/features.d line

	install -D "$here/standins/mkinitfs-init" "$tree/usr/share/mkinitfs/initramfs-init"
	while read -r line; do
		add_binary "$line"
	done <"$features/ublk.files"
	while read -r line; do
		(cd "$tree/usr/lib/modules/$release" && cp --parents $line "$stage/usr/lib/modules/$release/")
	done <"$features/ublk.modules"
}

here=$(cd "$(dirname "$0")" && pwd)
tree=$2 stage=$3
release=$(ls "$tree/usr/lib/modules")
case $1 in
mkinitcpio)
	export BUILDROOT=$stage
	put_base
	mkinitcpio
	install "$here/standins/mkinitcpio-init" "$stage/init"
	;;
mkinitcpio-unit)
	export BUILDROOT=$tree # where systemd is
	mkinitcpio
	;;
mkinitfs)
	put_base
	mkinitfs
	add_binary /usr/share/ublk/initramfs-init /init
	;;
esac
test "$1" = mkinitcpio-unit || depmod -b "$stage" "$release"
