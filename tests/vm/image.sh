#!/bin/sh
# SPDX-License-Identifier: MIT
#
# image.sh KERNELDIR - print the initramfs with the userland and the modules of this kernel, after building it if needed
#
# It holds everything that stays the same from run to run: programs of this machine with their libraries, busybox for
# the rest, and the modules named below with what they need. What changes (ublk, the cases, the command) is appended by
# "run" as a second archive. Built once for each kernel, and again when a file that went in has changed.
#
# For a kernel of another machine the programs are those that userland.sh unpacks, with the same names.
#
# The programs that start others are real ones: busybox's shell, setsid or xargs start busybox's own mount, dd or losetup
# even where a better one is on PATH.

set -eu
PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "$0")" && pwd)
cache=${UBLK_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/ublk}/vm

programs="
	mkfs.ext4 e2fsck fsck.ext4 tune2fs dumpe2fs resize2fs debugfs filefrag
	mkfs.xfs xfs_repair xfs_growfs xfs_io xfs_db xfs_info xfs_spaceman
	mkfs.erofs fsck.erofs dump.erofs
	fio strace capsh zip jq crun
	dash chroot env find nice nohup setsid timeout xargs dd
	blkdiscard blkid blockdev chattr fallocate fincore findmnt flock fsfreeze losetup lsblk lscpu mkswap mount nsenter partx
	prlimit setpriv sfdisk swapoff swapon taskset umount unshare wipefs"
optional="dmsetup bash udevadm"
rules="50-udev-default 60-block 60-persistent-storage"
modules="
	ublk_drv ext4 xfs erofs loop brd null_blk zram nbd virtio_blk overlay
	dm-mod dm-flakey dm-delay dm-snapshot dm-log-writes scsi_debug sd_mod"

die() {
	echo "vm: $*" >&2
	exit 1
}

# --- the machine

# Debian's word for it, which is in the name of the kernel, and where its programs are: nothing for this one
choose_machine() {
	userland=
	case $release in
	*-arm64*) machine=arm64 ;;
	*-riscv64) machine=riscv64 ;;
	*) machine=amd64 && return ;;
	esac
	userland=$("$here/userland.sh" "$machine")
}

# --- programs and their libraries

# put FILE DIR - the file goes into DIR of the image, and its name into the list of what went in
put() {
	mkdir -p "$root/$2"
	cp -L "$1" "$root/$2/"
	echo "$1" >>"$work/inputs"
}

# /lib and /usr/lib are one directory in the image, as they are on a new Debian
put_library() {
	case ${1#"$userland"} in
	/usr/*) put "$1" "$(dirname "${1#"$userland"}")" ;;
	*) put "$1" "/usr$(dirname "${1#"$userland"}")" ;;
	esac
}

find_program() {
	if test -z "$userland"; then
		command -v "$1"
	else
		find "$userland/usr/bin" "$userland/usr/sbin" -name "$1" | grep .
	fi
}

# note_libraries PROGRAM - in the list of what is needed, with what they need themselves, and who loads it all
note_libraries() {
	if test -z "$userland"; then
		ldd "$1" 2>/dev/null | grep -o '/[^ ]*' >>"$work/libraries" || true
		return
	fi
	readelf -ldW "$1" 2>/dev/null |
		sed -n 's/.*interpreter: .*\/\(.*\)\]/\1/p; s/.*(NEEDED).*\[\(.*\)\]/\1/p' | while read -r name; do
		library=$(find "$userland/usr/lib" -name "$name" -printf '%d %p\n' | sort | sed -n '1s/^[0-9] //p')
		! grep -qxF "$library" "$work/libraries" || continue
		echo "$library" >>"$work/libraries"
		note_libraries "$library"
	done
}

put_program() {
	path=$(find_program "$1") || return 1
	case $path in
	*/sbin/*) put "$path" usr/sbin ;;
	*) put "$path" usr/bin ;;
	esac
	note_libraries "$path"
}

put_programs() {
	: >"$work/libraries"
	for program in $programs; do
		put_program "$program" || die "there is no $program here: build/packages.sh vm installs what is needed"
	done
	for program in $optional; do
		put_program "$program" || true
	done
	sort -u "$work/libraries" | while read -r library; do put_library "$library"; done
}

# busybox fills the gaps: a link for each of its names that no real program has, where it belongs
put_busybox() {
	put_program busybox || die "there is no busybox here: build/packages.sh vm installs what is needed"
	ln -s dash "$root/usr/bin/sh"
	busybox --list-full | while read -r path; do
		name=${path##*/}
		test -e "$root/usr/bin/$name" || test -e "$root/usr/sbin/$name" ||
			ln -s /usr/bin/busybox "$root/usr/${path#usr/}"
	done
}

# One program, and a daemon by its other name
put_udev() {
	test -e "$root/usr/bin/udevadm" || return 0
	mkdir -p "$root/usr/lib/systemd"
	ln -s ../../bin/udevadm "$root/usr/lib/systemd/systemd-udevd"
	for rule in $rules; do
		for file in "$userland/usr/lib/udev/rules.d/$rule.rules" "$userland/lib/udev/rules.d/$rule.rules"; do
			test ! -e "$file" || { put "$file" usr/lib/udev/rules.d && break; }
		done
	done
}

# --- modules

put_modules() {
	for module in $modules; do
		modprobe -d "$kernel" -S "$release" --show-depends "$module" 2>/dev/null >>"$work/modules" ||
			echo "vm: kernel $release has no module $module" >&2
	done
	awk '$1 == "insmod" { print $2 }' "$work/modules" | sort -u | while read -r file; do
		put "$file" "usr/$(dirname "${file#"$kernel"/}")"
	done
	for list in order builtin builtin.modinfo; do
		put "$kernel/lib/modules/$release/modules.$list" "usr/lib/modules/$release"
	done
	depmod -b "$root" "$release"
}

# --- the rest

make_directories() {
	mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" "$root/usr/local/sbin"
	for link in bin sbin lib lib64; do ln -s "usr/$link" "$root/$link"; done
	cd "$root"
	mkdir -p add dev etc home/user mnt proc root run sys tests tmp tree var/tmp vm
	ln -s ../run var/run
}

write_accounts() {
	cat >"$root/etc/passwd" <<-'END'
		root:x:0:0:root:/root:/bin/sh
		user:x:1000:1000:user:/home/user:/bin/sh
		nobody:x:65534:65534:nobody:/nonexistent:/bin/sh
	END
	cat >"$root/etc/group" <<-'END'
		root:x:0:
		disk:x:6:
		user:x:1000:
		nogroup:x:65534:
	END
	ln -s ../proc/self/mounts "$root/etc/mtab"
}

# What an interactive shell wants to know of the terminals that people have
put_terminals() {
	for name in linux xterm xterm-256color screen screen-256color tmux-256color vt100; do
		for file in /lib/terminfo/?/"$name" /usr/share/terminfo/?/"$name"; do
			test ! -e "$file" || put "$file" "usr/share/terminfo/$(basename "$(dirname "$file")")"
		done
	done
}

# What engines forbid in containers, as they tell their runtime
put_profiles() {
	profile=/usr/share/containers/seccomp.json
	test -e $profile || die "there is no $profile here: build/packages.sh vm installs what is needed"
	mkdir -p "$root/usr/share/containers"
	python3 "$here/seccomp.py" "$machine" $profile "$root/usr/share/containers"
	printf '%s\n' $profile "$here/seccomp.py" >>"$work/inputs"
}

pack() {
	(cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$work/image"
}

# What went in, and how it looked: when this changes, the image is out of date.
describe() {
	xargs stat -L -c '%n %s %Y' <"$1" 2>/dev/null || true
}

current() {
	test -e "$image" && test -e "$image.inputs" || return 1
	awk '{ print $1 }' "$image.inputs" | describe /dev/stdin | cmp -s - "$image.inputs"
}

build() {
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/build.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	root=$work/root
	make_directories
	put_programs
	put_busybox
	put_udev
	put_modules
	put_terminals
	put_profiles
	write_accounts
	pack
	describe "$work/inputs" >"$image.inputs.$$"
	mv "$work/image" "$image"
	mv "$image.inputs.$$" "$image.inputs"
	# images of other days are of no use to anybody
	find "$cache" -maxdepth 1 -name '*.cpio*' -mtime +14 -delete
}

test -e "${1:-}/vmlinuz" || die "usage: image.sh KERNELDIR (a directory with vmlinuz and lib/modules)"
kernel=$(readlink -f "$1")
release=$(ls "$kernel/lib/modules")
choose_machine
key=$({ cat "$here/image.sh"; echo "$kernel $userland"; } | cksum | cut -d' ' -f1)
image=$cache/$release-$key.cpio
current || build
touch -c "$image" "$image.inputs"
echo "$image"
