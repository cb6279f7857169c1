#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mkimage.sh - an initramfs that holds ublk, modules of one kernel, and what else is named: see --help
#
# The same words give the same bytes, whenever and by whomever it is made.

set -eu
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)

usage() {
	cat <<-'END'
	usage: mkimage.sh [OPTION]... OUTPUT

	  --ublk FILE          the program (out/ublk beside this directory, or else ublk of PATH)
	  --kernel RELEASE     of which kernel the modules are (that of this machine)
	  --modules-below DIR  lib/modules is there (/)
	  --module NAME        one more module, with those that it needs, loaded in this order; ublk_drv is the first
	  --add FILE:PATH      FILE as PATH in the image, such as root.img:/root.img
	  --init FILE          a program or script as /init (ublk itself, as ublk-init)
	  --busybox FILE       busybox, with a link in /bin for each of its names

	OUTPUT is compressed by its name: .gz, .xz, .zst, or else not.
	END
}

die() {
	echo "mkimage: $*" >&2
	exit "${status:-1}"
}

parse() {
	while test $# -gt 0; do
		case $1 in
		--ublk | --kernel | --modules-below | --module | --add | --init | --busybox)
			test $# -ge 2 || status=2 die "$1 needs a value"
			set_value "$1" "$2"
			shift
			;;
		--help | -h) usage && exit 0 ;;
		-*) status=2 die "there is no option $1 (--help lists them)" ;;
		*) test -z "$output" || status=2 die "what is $1 for?" && output=$1 ;;
		esac
		shift
	done
	test "$output" || status=2 die "where is it to go? (--help)"
}

set_value() {
	case $1 in
	--ublk) ublk=$2 ;;
	--kernel) release=$2 ;;
	--modules-below) below=$2 ;;
	--module) modules="$modules $2" ;;
	--add) printf '%s\n' "$2" >>"$work/added" ;;
	--init) init=$2 ;;
	--busybox) busybox=$2 ;;
	esac
}

# put FILE PATH MODE
put() {
	mkdir -p "$work/root/$(dirname "$2")"
	cp -L "$1" "$work/root/$2"
	chmod "$3" "$work/root/$2"
}

put_programs() {
	put "$ublk" sbin/ublk 755
	for name in $("$ublk" --list-full); do
		ln -s ublk "$work/root/sbin/$name"
	done
	if test "$init"; then
		put "$init" init 755
	else
		ln -s sbin/ublk "$work/root/init"
	fi
	test -z "$busybox" || put_busybox
}

put_busybox() {
	put "$busybox" bin/busybox 755
	"$busybox" --list | while read -r name; do
		test -e "$work/root/bin/$name" || ln -s busybox "$work/root/bin/$name"
	done
}

# Their names in the order to load them in; what is built in is none
put_modules() {
	mkdir -p "$work/root/etc"
	: >"$work/root/etc/modules"
	for module in $modules; do
		modprobe -d "$below" -S "$release" --show-depends "$module" >"$work/needed" ||
			die "kernel $release has no module $module below $below"
		sed -n 's/^insmod \([^ ]*\).*/\1/p' "$work/needed" | while read -r file; do
			path=lib/modules/$release/${file#*/lib/modules/"$release"/}
			test ! -e "$work/root/$path" || continue
			put "$file" "$path" 644
			echo "/$path" >>"$work/root/etc/modules"
		done
	done
}

put_added() {
	test ! -e "$work/added" || while IFS=: read -r file path; do
		test "$path" || die "--add $file: as what? FILE:PATH"
		put "$file" "$path" "$(stat -L -c %a "$file")"
	done <"$work/added"
}

pack() {
	find "$work/root" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
	(cd "$work/root" && find . | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc -R 0:0) >"$work/image"
	case $output in
	*.gz) gzip -9n "$work/image" ;;
	*.xz) xz -9 --check=crc32 "$work/image" ;;
	*.zst) zstd -q -19 --rm "$work/image" ;;
	esac
	cat "$work"/image* >"$output"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
ublk=$here/../../out/ublk release=$(uname -r) below=/ modules=ublk_drv init='' busybox='' output=''
test -x "$ublk" || ublk=$(command -v ublk || true)
parse "$@"
test -x "$ublk" || die "there is no ublk here: --ublk FILE"
mkdir -p "$work/root/dev" "$work/root/proc" "$work/root/sys" "$work/root/run" "$work/root/root"
put_programs
put_modules
put_added
pack
