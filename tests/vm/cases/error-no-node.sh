# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # the inner shell expands
about "where the nodes are missing that is said; where only the control node is there, root makes the others"

modprobe ublk_drv
mkdir "$case/dev"
expect_status 3 ublk-mem --size 16M --dev-dir "$case/dev"
expect_said "the driver is there, but not its node $case/dev/ublk-control \([0-9]+:[0-9]+\)" \
	'in a container, start it with --device=/dev/ublk-control; elsewhere mount a devtmpfs or use --dev-dir'
number=$(cat /sys/class/misc/ublk-control/dev)
mknod "$case/dev/ublk-control" c "${number%:*}" "${number#*:}"
expect_status 3 ublk-mem --size 16M --dev-dir "$case/dev" --no-mknod
expect_said "there is still no $case/dev/ublkc[0-9]+ after 5 s" 'nothing makes the node there'
expect "$(ls "$case/dev")" = ublk-control
expect_status 0 ublk-mem --size 16M --dev-dir "$case/dev" -- sh -c 'echo "$UBLK_DEV" && test -b "$UBLK_DEV" && dd if="$UBLK_DEV" of=/dev/null count=1 status=none'
expect_said "^$case/dev/ublkb[0-9]+$"
expect "$(ls "$case/dev")" = ublk-control
# a node, and nothing behind it
remove_driver
expect_status 4 ublk-mem --size 16M --dev-dir "$case/dev" --no-modprobe
expect_said 'ublk_drv is not loaded'
