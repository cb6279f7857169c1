# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "a disk larger than the memory of its container fills up with an error, and the kernel kills nobody"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like docker
may io_uring control devices
c_memory=134217728
start_contained ublk-mem 512M --queues 1
expect_status 1 dd if=/dev/zero of="$disk" bs=1M count=256 oflag=direct conv=nocreat
expect_said 'No space left on device'
pattern 64K 1 | write_at "$disk" 0
expect "$(read_at "$disk" 0 64K | sum)" = "$(pattern 64K 1 | sum)"
expect "$(awk '$1 == "oom_kill" { print $2 }' "/sys/fs/cgroup/$c_name/memory.events")" = 0
stop_contained
nothing_left
