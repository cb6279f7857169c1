# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "in the container that made it a disk is listed, told about and deleted, as on any machine; its nodes go with it"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like docker
may io_uring control devices
start_contained sh -c 'ublk-null 16M --queues 1; ls /dev >&2'
expect "$(in_container ublk-ctl status "$disk")" = live
in_container ublk-ctl info "$disk" | grep -q null
# when the server has ended, the first process of its container, whoever is in there is killed, with 128 + 9
in_container ublk-ctl del "$disk" || expect $? = 137
wait "$container"
expect "$(grep -c 'ublk[bc]' "$case/$c_name.said")" = 0
grep -q ublk-control "$case/$c_name.said"
nothing_left
