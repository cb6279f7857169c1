# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "a container as podman makes it has no CAP_MKNOD: it is told so before there is a device; with it, it has its disk"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like podman
may io_uring control devices
expect_status 3 contained ublk-mem 16M
expect_said '/dev is private, so the nodes of a disk do not appear there, nor can they be made: Operation not permitted' \
	'run as root with --cap-add=MKNOD, or use the host.s, .*-v /dev:/hostdev:rslave and --dev-dir=/hostdev' \
	'--no-mknod waits for somebody else'
nothing_left
# whoever says that somebody else makes them is believed, and told what is left when nobody did
expect_status 3 contained ublk-mem 16M --no-mknod
expect_said 'there is still no /dev/ublkc[0-9]+ after 5 s' 'cannot delete device [0-9]+: No such file or directory' \
	"it is left behind; run 'ublk-ctl del [0-9]+' as root, on the host"
ublk-ctl del "$(sed -n "s/.*'ublk-ctl del \([0-9]*\)'.*/\1/p" "$case/said")"
nothing_left
c_rights="$c_rights MKNOD"
start_contained ublk-mem 16M --queues 1
expect_status 0 in_container mkfs.ext4 -q "$disk"
stop_contained
nothing_left
