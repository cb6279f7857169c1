# SPDX-License-Identifier: MIT
about "a writer beyond --limit gets ENOSPC, the server lives, and what is discarded can be written again"

disk=$(start_disk mem --size 64M --limit 8M)
dd if=/dev/zero of="$disk" bs=1M count=8 oflag=direct conv=nocreat status=none
expect_status 1 dd if=/dev/zero of="$disk" bs=1M seek=8 count=1 oflag=direct conv=nocreat
expect_said 'No space left on device'
dd if=/dev/zero of="$disk" bs=1M count=8 oflag=direct conv=nocreat status=none
blkdiscard -o 0 -l 1M "$disk"
pattern 1M 9 >"$case/p"
dd if="$case/p" of="$disk" bs=1M seek=9 count=1 oflag=direct conv=nocreat status=none
expect "$(read_at "$disk" 9M 1M | sum)" = "$(sum <"$case/p")"
expect_status 1 dd if=/dev/zero of="$disk" bs=4k seek=8000 count=1 oflag=direct conv=nocreat
