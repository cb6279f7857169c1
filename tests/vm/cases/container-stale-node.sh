# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "a node that an earlier disk left in a private /dev is never taken for that of the new one"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like docker
may io_uring control devices
cat >"$case/script" <<'END'
mknod /dev/ublkb0 b 259 1048000
mknod /dev/ublkc0 c 1 3
ublk-mem 16M --id 0 -- sh -c 'test $(stat -c %t:%T $UBLK_DEV) != 103:ffdc0 && dd if=$UBLK_DEV of=/dev/null count=1'
test ! -e /dev/ublkb0
test ! -e /dev/ublkc0
END
expect_status 0 contained sh -eu "$case/script"
# where we may not put it right, we refuse
expect_status 5 contained sh -eu -c '
	mknod /dev/ublkc0 c 1 3
	exec ublk-mem 16M --id 0 --no-mknod'
expect_said '/dev/ublkc0 is the node of an earlier device'
ublk-ctl del -a
nothing_left
