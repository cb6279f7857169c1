# SPDX-License-Identifier: MIT
# timeout: 180
about "a container that may not use the nodes of disks is told so before there is a device, with the rules to add"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like docker
may io_uring control
rules="--device-cgroup-rule='c $(char_major):\* rmw' --device-cgroup-rule='b 259:\* rmw'"
refused() {
	expect_status 3 contained ublk-mem 16M "$@"
	expect_said 'ublk-mem: the device cgroup forbids the nodes of ublk disks' "start the container with $rules"
	nothing_left
}
refused
# one of the two is not enough, nor is one minor
add_rule c "$(char_major)" rwm
refused
add_rule b 259 rwm 0
refused
# the host's /dev does not change it
like docker
may io_uring control
add_bind /dev /hostdev rslave
refused --dev-dir=/hostdev
# what cannot be known before is said afterwards, with what is left
expect_status 3 contained ublk-mem 16M --dev-dir=/hostdev --no-mknod
expect_said 'the device cgroup forbids' "start the container with $rules"
nothing_left
