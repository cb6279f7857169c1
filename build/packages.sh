#!/bin/sh
# SPDX-License-Identifier: MIT
#
# packages.sh GROUP... - make sure that the programs a group needs are there
#
# The groups are build, test, vm, boot, bench, deb, valgrind, peers and zip-peers, which are what ublk and ublk-zip are measured
# against, and cross- and vm- with aarch64 and riscv64. A thing counts as present when its proof is found, not when a
# package database says so: that is quick, it works on any distribution, and it respects what was installed by hand.

set -eu
PATH=$PATH:/usr/sbin:/sbin

# group, Debian package, proof: a command on PATH, or a file by its path, or a function of this script followed by ()
needs() {
	cat <<-'END'
	bench	python3			python3
	boot	mmdebstrap		mmdebstrap
	build	gcc			gcc
	build	libc6-dev		/usr/include/stdio.h
	build	linux-libc-dev		/usr/include/linux/io_uring.h
	build	make			make
	cross-aarch64	gcc-aarch64-linux-gnu		aarch64-linux-gnu-gcc
	cross-aarch64	linux-libc-dev-arm64-cross	/usr/aarch64-linux-gnu/include/asm/unistd.h
	cross-riscv64	gcc-riscv64-linux-gnu		riscv64-linux-gnu-gcc
	cross-riscv64	linux-libc-dev-riscv64-cross	/usr/riscv64-linux-gnu/include/asm/unistd.h
	deb	debhelper		dh
	deb	dpkg-dev		dpkg-buildpackage
	deb	lintian			lintian
	peers	nbd-client		nbd-client
	peers	nbdkit			nbdkit
	test	clang			clang
	test	clang-tidy		clang-tidy
	test	libclang-rt-dev		has_fuzzer()
	test	cppcheck		cppcheck
	test	erofs-utils		fsck.erofs
	test	libarchive-tools	bsdtar
	test	mandoc			mandoc
	test	pkgconf			pkg-config
	test	p7zip-full		7z
	test	python3			python3
	test	python3-yaml		has_yaml()
	test	shellcheck		shellcheck
	test	skopeo			skopeo
	test	unzip			unzip
	test	yamllint		yamllint
	test	zip			zip
	valgrind	valgrind		valgrind
	vm	busybox-static		busybox
	vm	cpio			cpio
	vm	crun			crun
	vm	dash			dash
	vm	dmsetup			dmsetup
	vm	e2fsprogs		mkfs.ext4
	vm	erofs-utils		mkfs.erofs
	vm	fdisk			sfdisk
	vm	fio			fio
	vm	jq			jq
	vm	golang-github-containers-common	/usr/share/containers/seccomp.json
	vm	kmod			modprobe
	vm	libcap2-bin		capsh
	vm	mount			losetup
	vm	pkgconf			pkg-config
	vm	python3			python3
	vm	qemu-system-x86		qemu-system-x86_64
	vm	strace			strace
	vm	udev			udevadm
	vm	util-linux		lsblk
	vm	xfsprogs		mkfs.xfs
	vm	xz-utils		xz
	vm	zip			zip
	vm	zstd			zstd
	vm-aarch64	qemu-system-arm		qemu-system-aarch64
	vm-riscv64	qemu-system-misc	qemu-system-riscv64
	zip-peers	archivemount		archivemount
	zip-peers	fuse-zip		fuse-zip
	zip-peers	libarchive-tools	bsdtar
	zip-peers	p7zip-full		7z
	zip-peers	unzip			unzip
	zip-peers	zip			zip
	END
}

die() {
	echo "packages: $*" >&2
	exit 1
}

# clang alone does not bring the library that -fsanitize=fuzzer links
has_fuzzer() {
	set -- "$(clang -print-runtime-dir 2>/dev/null)"/libclang_rt.fuzzer*
	test -e "$1"
}

has_yaml() {
	python3 -c 'import yaml' 2>/dev/null
}

present() {
	case $1 in
	*'()') "${1%??}" ;;
	/*) test -e "$1" ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

missing() {
	needs | while read -r group package proof; do
		case " $groups " in
		*" $group "*) present "$proof" || echo "$package" ;;
		esac
	done
}

# The run-time library is packaged once per version of clang. Without clang and without package lists the version is not
# known yet: the name stays as it is, the first try fails, and the update that follows makes it known.
real_name() {
	case $1 in
	libclang-rt-dev) echo "libclang-rt-$(clang_version)dev" ;;
	*) echo "$1" ;;
	esac
}

clang_version() {
	{ clang -dumpversion || apt-cache depends clang; } 2>/dev/null |
		sed -n 's/^\([0-9]*\)\..*/\1-/p; s/.*Depends: clang-\([0-9]*\)$/\1-/p'
}

real_names() {
	for name; do real_name "$name"; done | tr '\n' ' '
}

# sudo may ask for a password only where somebody can type one
as_root() {
	if test "$(id -u)" = 0; then
		"$@"
	elif test -t 0; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null >"$log" 2>&1
}

install() {
	# shellcheck disable=SC2046 # one word for each package
	get install -y --no-install-recommends $(real_names "$@")
}

# A machine whose lists are absent or old fails at first, and only then is worth the time of an update.
install_or_update() {
	install "$@" || { get update && install "$@"; }
}

require_rights() {
	command -v apt-get >/dev/null || die "missing: $* (there is no apt-get: install their equivalents by hand)"
	test "$(id -u)" = 0 || command -v sudo >/dev/null ||
		die "missing: $* (become root, or install sudo, or run: apt-get install $*)"
}

groups=$*
test -n "$groups" || die "usage: packages.sh build|test|vm|boot|deb|valgrind|bench|peers|zip-peers|cross-ARCH|vm-ARCH..."
for group; do
	needs | grep -q "^$group	" || die "no group is called '$group'; see the head of build/packages.sh"
done

wanted=$(missing | tr '\n' ' ')
test -n "$wanted" || exit 0

# shellcheck disable=SC2086 # one word for each package
require_rights $wanted
# shellcheck disable=SC2086
echo "installing: $(real_names $wanted)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM
# shellcheck disable=SC2086
if ! install_or_update $wanted; then
	cat "$log" >&2
	die "cannot install $wanted(apt-get said why above); install them by hand and try again"
fi

wanted=$(missing | tr '\n' ' ')
test -z "$wanted" || die "installed, but still not found: $wanted"
