# SPDX-License-Identifier: MIT
about "partitions in an image are there when the disk is, at their places in the file; with --no-partscan there are none"

image=$(scratch 16M)
printf 'label: dos\nstart=2048, size=4096\nstart=8192, size=8192\n' | sfdisk -q "$image" >/dev/null
disk=$(start_disk file "$image")
wait_until 5 test -b "${disk}p2"
expect "$(blockdev --getsize64 "${disk}p1") $(blockdev --getsize64 "${disk}p2")" = "2097152 4194304"
pattern 64K 1 | write_at "${disk}p2" 0
expect "$(read_at "$image" 4M 64K | sum)" = "$(pattern 64K 1 | sum)"
stop_disk "$disk"
# one of them as a disk of its own, as losetup users do it
disk=$(start_disk file "$image" -o 4M --sizelimit 4M)
expect "$(read_at "$disk" 0 64K | sum)" = "$(pattern 64K 1 | sum)"
stop_disk "$disk"
disk=$(start_disk file "$image" --no-partscan)
read_at "$disk" 0 1M >/dev/null
expect ! -e "/sys/block/${disk##*/}/${disk##*/}p1"
