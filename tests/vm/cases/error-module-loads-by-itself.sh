# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # the inner shell expands
about "a missing ublk_drv is loaded: from where it always lies without any other program, from elsewhere by modprobe"

remove_driver
expect_status 0 unshare -m sh -c 'mount -t tmpfs none /usr/sbin && exec ublk-null -v -- ublk --version'
expect_said 'load /lib/modules/.*/kernel/drivers/block/ublk_drv.ko.*: done'
expect -e /sys/module/ublk_drv

remove_driver
cat >"$case/elsewhere" <<'END2'
modules=/lib/modules/$(uname -r)
cp -r "$modules" "$0.d"
mount -t tmpfs none "$modules"
cp -r "$0.d/." "$modules"
cd "$modules"
mkdir extra
mv kernel/drivers/block/ublk_drv.ko* extra/
depmod
exec ublk-null -v -- true
END2
expect_status 0 unshare -m sh -eu "$case/elsewhere"
expect "$(grep -c 'load /lib/modules' "$case/said")" = 0
expect -e /sys/module/ublk_drv
