# SPDX-License-Identifier: MIT
# timeout: 180
about "a container without the control node is told that the host has it; one that may not open it, which lock is shut"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like docker
may io_uring devices
expect_status 3 contained ublk-mem 16M
expect_said 'the driver is there, but not its node /dev/ublk-control \(10:[0-9]+\)' \
	'in a container, start it with --device=/dev/ublk-control'
number=$(cat /sys/class/misc/ublk-control/dev)
expect_status 3 contained sh -c "mknod /dev/ublk-control c ${number%:*} ${number#*:} && exec ublk-mem 16M"
expect_said 'cannot open /dev/ublk-control: Operation not permitted' \
	'the device cgroup forbids it: start the container with --device=/dev/ublk-control'
c_uid=1000
add_device /dev/ublk-control
c_devices=$(echo "$c_devices" | sed 's/"uid": 1000, "gid": 1000/"uid": 0, "gid": 6/')
expect_status 3 contained ublk-mem 16M
expect_said 'cannot open /dev/ublk-control: Permission denied' 'it belongs to user 0 and group 6, mode 0660; run as root'
nothing_left
