# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "a container as docker makes it, with the device, two rules and io_uring allowed: it has its disk, and nobody on the host helps"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like docker
may io_uring control devices
start_contained ublk-mem 32M --queues 1 -v
expect "$(ublk-ctl list --raw -n -O dev,type,state)" = "$disk mem live"
pattern 64K 1 | write_at "$disk" 0
expect "$(in_container dd if="$disk" bs=64k count=1 status=none | sum)" = "$(pattern 64K 1 | sum)"
expect "$(in_container sh -c 'ls /dev/ublk*' | tr '\n' ' ')" = "/dev/ublk-control $disk ${disk%b*}c${disk##*b} "
expect_status 0 in_container mkfs.ext4 -q "$disk"
expect_status 0 e2fsck -fn "$disk"
stop_contained
nothing_left
