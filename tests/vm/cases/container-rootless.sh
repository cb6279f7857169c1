# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "root of a user namespace, as in rootless podman: refused without the host's /dev, and with it he has his disk"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
let_users_in
like rootless
may io_uring control
expect_status 3 contained ublk-mem 16M
expect_said '/dev is private, .* nor can they be made' 'ublk-mem: use the host.s, .*-v /dev:/hostdev:rslave'
nothing_left
add_bind /dev /hostdev rslave
start_contained ublk-mem 16M --queues 1 --dev-dir=/hostdev
expect "$(stat -c %u "/dev/${disk##*/}")" = 1000
pattern 64K 1 | write_at "/dev/${disk##*/}" 0
stop_contained
# what is written in the words of a user there
# shellcheck disable=SC2016 # the inner shell expands
expect_status 0 contained ublk-mem 16M --dev-dir=/hostdev -- sh -c 'mkfs.ext4 -q "$UBLK_DEV" && e2fsck -fn "$UBLK_DEV"'
# nobody mounts a disk who is not root of the machine
# shellcheck disable=SC2016
expect_status 32 contained ublk-mem 16M --dev-dir=/hostdev -- sh -c 'mkfs.ext4 -q "$UBLK_DEV" && mount "$UBLK_DEV" /tmp'
nothing_left
