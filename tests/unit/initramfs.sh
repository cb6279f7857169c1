#!/bin/bash
# SPDX-License-Identifier: MIT
#
# initramfs.sh - hooks for generators of an initramfs are installed where these look for them, and say what to put in
#
# mkinitcpio and mkinitfs are stood in for: their words are defined here, as their documentation has them. The others
# are tried themselves by tests/initramfs. Prints TAP.
#
# shellcheck disable=SC2317 # what claim and the hooks call
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
self=$top/tests/unit/initramfs.sh
cd "$top"
# shellcheck source=tests/claims.sh
. tests/claims.sh

quiet_make() {
	make --no-print-directory -s DESTDIR="$work/root" "$@" >/dev/null
}

install_hooks() {
	quiet_make PREFIX="${1:-/usr}" install-initramfs-tools install-dracut install-mkinitcpio install-mkinitfs
}

installed() {
	(cd "$work/root" && find . -type f | LC_ALL=C sort | sed 's/^\.//')
}

# --- claims

packages_go_to_usr() {
	install_hooks /usr
	installed | diff - <(LC_ALL=C sort <<-'END'
		/usr/share/initramfs-tools/hooks/ublk
		/usr/share/initramfs-tools/scripts/local-block/ublk
		/usr/share/initramfs-tools/scripts/local-bottom/ublk
		/usr/share/initramfs-tools/scripts/local-top/ublk
		/usr/lib/dracut/modules.d/95ublk/module-setup.sh
		/usr/lib/dracut/modules.d/95ublk/ublk-finished.sh
		/usr/lib/dracut/modules.d/95ublk/ublk-shutdown.sh
		/usr/lib/dracut/modules.d/95ublk/ublk-start.sh
		/usr/lib/initcpio/hooks/ublk
		/usr/lib/initcpio/install/ublk
		/usr/lib/systemd/system/ublk-boot.service
		/etc/mkinitfs/features.d/ublk.files
		/etc/mkinitfs/features.d/ublk.modules
		/usr/share/ublk/initramfs-init
	END
	)
	! grep -r '@[A-Z]*@' "$work/root"
}

administrators_go_to_etc() {
	install_hooks /usr/local
	installed | grep -x /etc/initramfs-tools/scripts/local-top/ublk
	installed | grep -x /etc/initcpio/install/ublk
	grep -x '"/usr/local/sbin/ublk-ctl" boot || true' "$work/root/etc/initramfs-tools/scripts/local-top/ublk"
}

nothing_stays() {
	install_hooks
	quiet_make PREFIX=/usr uninstall-initramfs-tools uninstall-dracut uninstall-mkinitcpio uninstall-mkinitfs
	test -z "$(installed)"
	test ! -e "$work/root/usr/lib/dracut/modules.d/95ublk"
}

# What the hook adds is noted, and what it names has to be there
add_module() { echo "module $1"; }
add_binary() { test -n "$1" && echo "binary $1"; }
add_symlink() { echo "link $1 $2"; }
add_udev_rule() { test -e "$1" && echo "rule $1"; }
add_file() { test -e "$work/root$1" && echo "file $2"; }
add_runscript() { echo "script"; }

mkinitcpio_builds() {
	install_hooks
	# shellcheck disable=SC1091 # not there before it is installed
	. "$work/root/usr/lib/initcpio/install/ublk"
	BUILDROOT=$work/image
	diff <(build) - <<-'END'
		module ublk_drv
		binary /usr/sbin/ublk
		link /usr/sbin/ublk-ctl ublk
		script
	END
	mkdir -p "$BUILDROOT/usr/lib/systemd"
	: >"$BUILDROOT/usr/lib/systemd/systemd"
	build | grep -x 'file /usr/lib/systemd/system/ublk-boot.service'
	build | grep -x 'link /usr/lib/systemd/system/initrd-root-device.target.wants/ublk-boot.service ../ublk-boot.service'
	help | grep -q HOOKS
}

# fake_boot N - a ublk-ctl that finds its source when it is called for the Nth time
fake_boot() {
	mkdir -p "$work/sbin"
	printf '#!/bin/sh\necho "$*" >>%s\ntest "$(wc -l <%s)" -ge %s || exit 6\n' "$work/calls" "$work/calls" "$1" \
		>"$work/sbin/ublk-ctl"
	chmod +x "$work/sbin/ublk-ctl"
}

mkinitcpio_tries_again() {
	fake_boot 3
	quiet_make MKINITCPIODIR=/initcpio SBINDIR="$work/sbin" install-mkinitcpio
	dash -euc 'sleep() { :; }; . "$1"; run_hook' sh "$work/root/initcpio/hooks/ublk"
	diff "$work/calls" <(printf 'boot\nboot\nboot\n')
}

mkinitcpio_gives_up() {
	fake_boot 1000
	quiet_make MKINITCPIODIR=/initcpio SBINDIR="$work/sbin" install-mkinitcpio
	dash -euc 'sleep() { :; }; . "$1"; run_hook' sh "$work/root/initcpio/hooks/ublk"
	test "$(wc -l <"$work/calls")" = 30
}

mkinitfs_finds_its_files() {
	install_hooks
	diff "$work/root/etc/mkinitfs/features.d/ublk.files" - <<-'END'
		/usr/sbin/ublk
		/usr/sbin/ublk-ctl
		/usr/share/mkinitfs/initramfs-init
	END
	for module in ublk_drv.ko ublk_drv.ko.gz ublk_drv.ko.zst; do
		# shellcheck disable=SC2254 # a pattern
		case kernel/drivers/block/$module in
		$(cat "$work/root/etc/mkinitfs/features.d/ublk.modules")) ;;
		*) return 1 ;;
		esac
	done
}

# Both go on at the same time; the stand-in for Alpine's own init ends when the disks are there
mkinitfs_goes_on_meanwhile() {
	fake_boot 3
	quiet_make MKINITFSDIR=/mkinitfs DATADIR=/share SBINDIR="$work/sbin" install-mkinitfs
	cat >"$work/init" <<-END
		until test "\$(wc -l <$work/calls)" -ge 3; do :; done
		echo "init \$*"
	END
	printf '#!/bin/sh\ntest "$1" != sh || exec "$@"\n' >"$work/busybox"
	chmod +x "$work/busybox"
	sed -i "s|/bin/busybox mk|true mk|; s|/bin/busybox|$work/busybox|; s|/usr/share/mkinitfs/initramfs-init|$work/init|" \
		"$work/root/share/initramfs-init"
	: >"$work/calls"
	test "$(timeout 60 dash "$work/root/share/initramfs-init" quiet)" = "init quiet"
}

# --- all of them

# In a shell of its own: in a condition "set -e" would be without effect
strictly() {
	bash "$self" "$1"
}

if [ $# = 1 ]; then
	"$1"
	exit
fi
claim "with PREFIX=/usr they go where packages put them, and name the program there" strictly packages_go_to_usr
claim "with another PREFIX they go where administrators put them" strictly administrators_go_to_etc
claim "what was installed is uninstalled" strictly nothing_stays
claim "mkinitcpio's hook asks for what there is, with a script or with a unit" strictly mkinitcpio_builds
claim "mkinitcpio's hook tries again while a source is missing" strictly mkinitcpio_tries_again
claim "mkinitcpio's hook does not try for ever" strictly mkinitcpio_gives_up
claim "mkinitfs' feature names what there is" strictly mkinitfs_finds_its_files
claim "mkinitfs' own init goes on while sources are missing" strictly mkinitfs_goes_on_meanwhile
claims_end
