# SPDX-License-Identifier: MIT
about "sizes that no disk can have are refused, each with its reason, before anything is made"

expect_status 2 ublk-mem
expect_said 'a disk needs a size that is not 0: --size SIZE' "Try 'ublk-mem --help'"
expect_status 2 ublk-mem --size 0
expect_said 'needs a size that is not 0'
expect_status 2 ublk-mem 16M --limit=0
expect_said '--limit needs a size that is not 0'
file=$(scratch 1M)
expect_status 2 ublk-file "$file" --cow=0
expect_said '--cow needs a size that is not 0'
expect_status 2 ublk-file "$file" --create=0
expect_said '--create needs a size that is not 0'
expect_status 2 ublk-file "$file" --size=1M # which is not --sizelimit
expect_said 'ublk-file has no option --size=1M; ublk-mem has'
expect_status 2 ublk-null --size 0
expect_said 'a disk needs a size that is not 0'
expect_status 2 ublk-mem --size 1000
expect_said 'the size, 1000 bytes, is no multiple of the sector size, 512'
expect_status 2 ublk-mem --size 1536 --sector-size 1K
expect_said 'the size, 1536 bytes, is no multiple of the sector size, 1024'
expect_status 2 ublk-null --size 8E
expect_said 'the largest disk has 8E less one sector'
expect_status 2 ublk-null --size 16E
expect_said "'16E' is more than there can be"
for size in '' -1 1X 1.5G 0x100 ' 1M' 1MM; do
	expect_status 2 ublk-mem --size "$size"
	expect_said 'is no size; sizes are 4096, 512K, 1G, 1GB or 50%'
done
for size in 0 256 768 8K; do
	expect_status 2 ublk-mem --size 16M --sector-size "$size"
	expect_said '--sector-size is 512, 1024, 2048 or 4096'
done
expect_status 1 ublk-mem --size 7E
expect_said 'cannot .*: Out of memory'
expect "$(ublk-ctl list -n)" = ""
