# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "an image that holds nothing but ublk and its links has a disk, from a root that cannot be written"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like docker
may io_uring control devices
c_root=$case/scratch
mkdir -p "$c_root"
cp "$(command -v ublk)" "$c_root/ublk"
ln -s ublk "$c_root/ublk-mem"
ln -s ublk "$c_root/ublk-ctl"
for dir in proc sys dev; do mkdir "$c_root/$dir"; done
c_binds=''
start_contained /ublk-mem 16M --queues 1
pattern 64K 1 | write_at "$disk" 0
expect "$(read_at "$disk" 0 64K | sum)" = "$(pattern 64K 1 | sum)"
in_container /ublk-ctl list --raw -n -O dev,type,state >"$case/list"
expect "$(cat "$case/list")" = "$disk mem live"
stop_contained
nothing_left
