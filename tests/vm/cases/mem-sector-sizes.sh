# SPDX-License-Identifier: MIT
about "sector sizes from 512 to 4096 are what the kernel sees, and hold data"

for size in 512 1024 2048 4096; do
	disk=$(start_disk mem --size 8M --sector-size $size)
	expect "$(blockdev --getss "$disk")" = $size
	expect "$(cat /sys/block/"${disk##*/}"/queue/physical_block_size)" = 4096
	pattern 1M $size | write_at "$disk" 1M
	expect "$(read_at "$disk" 1M 1M | sum)" = "$(pattern 1M $size | sum)"
done
expect_status 2 ublk-mem --size 8M --sector-size 3072
expect_status 2 ublk-mem --size 1536 --sector-size 1024
expect_said 'no multiple of the sector size'
