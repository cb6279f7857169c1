# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "an image that holds nothing but ublk and its links has a disk, from a root that cannot be written"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like docker
may io_uring control devices
c_root=$case/scratch
mkdir -p "$c_root" "$case/image"
test -e /usr/local/ublk-oci.tar || skip "there is no image: make oci"
tar -C "$case/image" -xf /usr/local/ublk-oci.tar
tar -C "$c_root" -xf "$case/image/$(sed 's/.*"Layers":\["\([^"]*\)".*/\1/' "$case/image/manifest.json")"
cmp "$c_root/ublk" "$(command -v ublk)"
expect "$(find "$c_root" -mindepth 1 ! -name 'ublk*')" = ""
mkdir "$c_root/proc" "$c_root/sys" "$c_root/dev" # as engines do
c_binds=''
start_contained /ublk mem 16M --queues 1
pattern 64K 1 | write_at "$disk" 0
expect "$(read_at "$disk" 0 64K | sum)" = "$(pattern 64K 1 | sum)"
in_container /ublk list --raw -n -O dev,type,state >"$case/list"
expect "$(cat "$case/list")" = "$disk mem live"
stop_contained
nothing_left
