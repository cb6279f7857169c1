# SPDX-License-Identifier: MIT
about "partitions in an image are there when the disk is, although the server had no rights left; --no-partscan looks for none"

image=$(scratch 32M)
printf 'label: dos\nsize=8M\n' | sfdisk -q "$image" >/dev/null
disk=$(start_disk mem --image "$image")
wait_until 5 test -b "${disk}p1"
grep -q "^CapEff:.0*$" "/proc/$(worker_pid "$disk")/status" || fail "the server has rights left"
disk=$(start_disk mem --image "$image" --no-partscan)
read_at "$disk" 0 1M >/dev/null
expect ! -e "/sys/block/${disk##*/}/${disk##*/}p1"
