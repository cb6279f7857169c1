# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "one container serves a disk, and another one that was given the device uses it"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like docker
may io_uring control devices
start_contained ublk-mem 64M --queues 1
server=$c_name container_of_server=$container
like docker
c_name=$c_name-2
add_device "$disk" /dev/data
# shellcheck disable=SC2016 # the inner shell expands
expect_status 0 contained sh -eu -c 'mkfs.ext4 -q /dev/data && e2fsck -fn /dev/data'
expect_status 0 e2fsck -fn "$disk"
c_name=$server container=$container_of_server
stop_contained
nothing_left
