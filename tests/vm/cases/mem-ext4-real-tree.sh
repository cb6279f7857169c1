# SPDX-License-Identifier: MIT
# vm: --tree --mem 3G
# timeout: 240
about "ext4 on a RAM disk holds a tree of ten thousand files, byte for byte, and fsck finds nothing"

count=$(find /tree -type f | wc -l)
expect "$count" -ge 10000
disk=$(start_disk mem --size 1G --queues 2)
mkfs.ext4 -q "$disk"
holds_the_tree "$disk"
expect_status 0 e2fsck -fn "$disk"
