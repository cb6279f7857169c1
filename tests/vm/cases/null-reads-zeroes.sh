# SPDX-License-Identifier: MIT
about "ublk-null reads zeroes whatever was written, in both transfer modes"

for mode in get-data copy; do
	disk=$(start_disk null --size 64M --io=$mode --queues 2)
	tr '\0' x </dev/zero | head -c 16M | write_at "$disk" 0
	expect "$(read_at "$disk" 0 16M | tr -d '\0' | wc -c)" = 0
	dd if="$disk" bs=512 count=64 iflag=direct status=none | tr -d '\0' | wc -c >"$case/n"
	expect "$(cat "$case/n")" = 0
	expect_status 0 blkdiscard "$disk"
	expect_status 0 blkdiscard -z "$disk"
	stop_disk "$disk"
done
