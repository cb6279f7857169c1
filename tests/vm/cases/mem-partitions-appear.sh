# SPDX-License-Identifier: MIT
about "a partition table written to a disk shows its partitions, which hold what is written to them"

disk=$(start_disk mem --size 64M --queues 2)
printf 'label: gpt\nsize=20M\nsize=20M\n' | sfdisk -q "$disk"
wait_until 5 test -b "${disk}p2"
pattern 1M 7 | write_at "${disk}p2" 0
expect "$(read_at "${disk}p2" 0 1M | sum)" = "$(pattern 1M 7 | sum)"
expect "$(read_at "$disk" 22020096 1M | sum)" = "$(pattern 1M 7 | sum)"
