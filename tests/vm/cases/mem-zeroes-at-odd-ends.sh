# SPDX-License-Identifier: MIT
about "write-zeroes that begins and ends inside pages clears exactly its sectors; a discard there harms nothing else"

disk=$(start_disk mem --size 8M)
pattern 1M 5 >"$case/p"
write_at "$disk" 0 <"$case/p"
blkdiscard -z -o 1536 -l 20480 "$disk"
{ head -c 1536 "$case/p"; head -c 20480 /dev/zero; tail -c +22017 "$case/p"; } >"$case/expected"
expect "$(read_at "$disk" 0 1M | sum)" = "$(sum <"$case/expected")"
blkdiscard -z -o 4194816 -l 1024 "$disk"
expect "$(read_at "$disk" 4M 1M | tr -d '\0' | wc -c)" = 0
