# SPDX-License-Identifier: MIT
about "a device that is not there: that is said, with exit status 6"

modprobe ublk_drv
for verb in info status stop del; do
	expect_status 6 ublk-ctl $verb 4711
	expect_said 'there is no device 4711'
done
