# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "a privileged container makes a disk of any kind in its own /dev, and mounts it"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like privileged
# shellcheck disable=SC2016 # the inner shell expands
expect_status 0 contained ublk-mem 64M -v -- sh -eux -c 'mkfs.ext4 -q "$UBLK_DEV"; mount "$UBLK_DEV" /tmp; umount /tmp'
expect_said 'made the node /dev/ublkb'
! grep -q unprivileged "$case/said" || fail "it is not privileged"
nothing_left
