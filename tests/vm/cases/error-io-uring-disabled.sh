# SPDX-License-Identifier: MIT
about "io_uring disabled by its sysctl: that is said, with the remedy, and exit status 4"

sysctl=/proc/sys/kernel/io_uring_disabled
test -e $sysctl || skip "this kernel has no $sysctl"
modprobe ublk_drv
chmod 666 /dev/ublk-control
on_exit chmod 600 /dev/ublk-control
on_exit "echo 0 >$sysctl"
echo 1 >$sysctl
ublk-null -- true # root still may
expect_status 4 as_user ublk-null
expect_said 'cannot use io_uring: it is disabled by the sysctl kernel.io_uring_disabled=1' \
	'as root: sysctl kernel.io_uring_disabled=0, or put this user into the group of kernel.io_uring_group'
echo 2 >$sysctl
expect_status 4 ublk-null
expect_said 'cannot use io_uring: it is disabled by the sysctl kernel.io_uring_disabled=2' \
	'as root: sysctl kernel.io_uring_disabled=0$'
expect_status 125 ublk-null -- true
echo 0 >$sysctl
ublk-null -- true
