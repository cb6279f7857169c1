# SPDX-License-Identifier: MIT
about "a writer beyond the limit of --cow is told that there is no space, the disk goes on, and what is discarded can be written again"

pattern 8M 1 >"$case/file"
disk=$(start_disk file "$case/file" --cow=2M)
pattern 2M 2 | tee "$case/new" | write_at "$disk" 0
expect_status 1 dd if=/dev/zero of="$disk" bs=256k seek=8 count=1 oflag=direct conv=notrunc,nocreat
expect_said 'No space left on device'
expect "$(read_at "$disk" 0 2M | sum)" = "$(sum <"$case/new")"
expect "$(read_at "$disk" 2M 6M | sum)" = "$(read_at "$case/file" 2M 6M | sum)"
# over what is written already there is always room
write_at "$disk" 0 <"$case/new"
blkdiscard -o 0 -l 1M "$disk"
dd if="$case/new" of="$disk" bs=1M seek=4 count=1 oflag=direct conv=notrunc,nocreat status=none
expect "$(read_at "$disk" 4M 1M | sum)" = "$(head -c 1048576 "$case/new" | sum)"
expect "$(read_at "$disk" 1M 1M | sum)" = "$(tail -c 1048576 "$case/new" | sum)"
expect_status 1 dd if=/dev/zero of="$disk" bs=256k seek=28 count=1 oflag=direct conv=notrunc,nocreat
