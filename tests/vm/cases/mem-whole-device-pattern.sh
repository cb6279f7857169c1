# SPDX-License-Identifier: MIT
about "a disk written from its first to its last sector reads back the same, and ends where it should"

disk=$(start_disk mem --size 12345344 --queues 2)
expect "$(blockdev --getsize64 "$disk")" = 12345344
pattern 12345344 >"$case/pattern"
write_at "$disk" 0 <"$case/pattern"
expect "$(read_at "$disk" 0 12345344 | sum)" = "$(sum <"$case/pattern")"
expect "$(read_at "$disk" 12344832 512 | sum)" = "$(tail -c 512 "$case/pattern" | sum)"
expect_status 1 dd if=/dev/zero of="$disk" bs=512 seek=24112 count=1 oflag=direct conv=nocreat
