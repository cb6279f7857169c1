# SPDX-License-Identifier: MIT
about "a user to whom nobody hands the nodes over is told so, what is left, and how to remove it; which works"

modprobe ublk_drv
chmod 666 /dev/ublk-control
on_exit chmod 600 /dev/ublk-control
on_exit ublk-ctl prune
as_user ublk-mem --size 16M 2>"$case/other" &
expect_status 3 as_user ublk-mem --size 16M
wait $! && status=0 || status=$?
expect "$status" = 3
expect_said '/dev/ublkc[0-9]+ still belongs to user 0 and group 0, mode 0600, after 5 s' 'no udev rule .*60-ublk.rules' \
	'cannot delete device [0-9]+: Permission denied' "it is left behind; run 'ublk-ctl del [0-9]+' as root, on the host"
left=$(sed -n "s/.*'ublk-ctl del \([0-9]*\)'.*/\1/p" "$case/said")
expect "$(ublk-ctl list --raw -n -O dev,type,state "$left")" = "/dev/ublkb$left mem dead"
expect_status 0 ublk-ctl del "$left"
expect ! -e "/dev/ublkc$left"
expect_status 0 ublk-ctl prune
expect_said "deleted device $(sed -n "s/.*'ublk-ctl del \([0-9]*\)'.*/\1/p" "$case/other")"
expect "$(ublk-ctl list -n)" = ""
