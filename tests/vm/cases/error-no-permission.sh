# SPDX-License-Identifier: MIT
about "a user who may not open the control node is told what root can do, with exit status 3"

modprobe ublk_drv
expect_status 3 as_user ublk-mem --size 16M
expect_said 'ublk-mem: cannot open /dev/ublk-control: Permission denied' \
	'it belongs to user 0 and group 0, mode 0600; run as root, or have root give this user access: chgrp GROUP /dev/ublk-control && chmod 660 /dev/ublk-control'
expect_status 3 as_user ublk-ctl features
# as the udev rules leave it
chgrp 4000 /dev/ublk-control
chmod 660 /dev/ublk-control
on_exit "chgrp root /dev/ublk-control && chmod 600 /dev/ublk-control"
expect_status 3 as_user ublk-mem --size 16M
expect_said 'run as root, or have root put this user into group 4000, and log in again'
expect_status 3 as_user ublk-ctl del 0 
