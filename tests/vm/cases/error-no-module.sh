# SPDX-License-Identifier: MIT
about "where there is no ublk_drv that is said, with what is needed, and exit status 4"

remove_driver
expect_status 4 unshare -m sh -c 'mount -t tmpfs none /usr/lib/modules && exec ublk-mem --size 16M'
expect_said 'ublk_drv is not loaded and could not be: this kernel has no such module' \
	"run 'modprobe ublk_drv' as root; it needs Linux 6.1 or newer with CONFIG_BLK_DEV_UBLK"
expect_status 4 ublk-mem --size 16M --no-modprobe
expect_said 'ublk_drv is not loaded, and --no-modprobe forbids to try' "run 'modprobe ublk_drv' as root"
expect_status 4 as_user ublk-mem --size 16M
expect_said 'ublk_drv is not loaded and could not be: Operation not permitted' "run 'modprobe ublk_drv' as root"
expect ! -e /sys/module/ublk_drv
expect_status 0 ublk-ctl list
# who asks for a name is told the same, and not that only root sees names, which he may be
expect_status 6 ublk-ctl status nobody
expect "$(cat "$case/said")" = "ublk-ctl: there is no device nobody"
