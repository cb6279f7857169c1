# SPDX-License-Identifier: MIT
about "ublk-null is as large as it is told to be, up to 8 EiB less a sector"

disk=$(start_disk null)
expect "$(blockdev --getsize64 "$disk")" = $((250 * 1024 * 1024 * 1024))
disk=$(start_disk null 512)
expect "$(blockdev --getsize64 "$disk")" = 512
disk=$(start_disk null --size 9223372036854775296)
expect "$(blockdev --getsize64 "$disk")" = 9223372036854775296
dd if=/dev/zero of="$disk" bs=512 count=1 seek=18014398509481982 oflag=direct conv=nocreat status=none
expect_status 2 ublk-null --size 8E
expect_said 'largest disk'
expect_status 2 ublk-null --size 16E
expect_status 2 ublk-null --size 0
