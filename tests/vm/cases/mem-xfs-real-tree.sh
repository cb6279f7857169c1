# SPDX-License-Identifier: MIT
# long
# vm: --tree --mem 3G
# timeout: 240
about "xfs on a RAM disk holds a tree of ten thousand files, byte for byte, and xfs_repair finds nothing"

modprobe xfs
disk=$(start_disk mem --size 1G --queues 2)
mkfs.xfs -q "$disk"
holds_the_tree "$disk"
expect_status 0 xfs_repair -n "$disk"
