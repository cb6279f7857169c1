# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "user 1000 in a container: refused while nobody can make the nodes; with the host's /dev and its rule, he has his disk"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like docker
c_uid=1000
may io_uring control devices
expect_status 3 contained ublk-mem 16M
expect_said '/dev is private, .* nor can they be made: Permission denied' 'run as root with --cap-add=MKNOD'
nothing_left
let_users_in
add_bind /dev /hostdev rslave
start_contained ublk-mem 16M --queues 1 --dev-dir=/hostdev
expect "$disk" = "/hostdev/${disk##*/}"
expect "$(stat -c %u "/dev/${disk##*/}")" = 1000
expect_status 0 in_container mkfs.ext4 -q "$disk"
stop_contained
nothing_left
