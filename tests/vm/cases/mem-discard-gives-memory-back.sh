# SPDX-License-Identifier: MIT
about "memory comes when it is written and goes when it is discarded or zeroed"

# KiB of both processes
rss() {
	cat "/proc/$(server_pid "$1")/status" "/proc/$(worker_pid "$1")/status" | awk '/^VmRSS/ { n += $2 } END { print n }'
}

disk=$(start_disk mem --size 256M)
before=$(rss "$disk")
expect "$before" -le "$(idle_kib)"
pattern 1M 3 >"$case/mib"
for i in $(seq 0 63); do cat "$case/mib"; done | write_at "$disk" 0
expect "$(rss "$disk")" -ge 65536
expect "$(rss "$disk")" -le $((65536 + $(idle_kib)))
blkdiscard -o 0 -l 32M "$disk"
expect "$(rss "$disk")" -le $((32768 + $(idle_kib)))
expect "$(read_at "$disk" 0 32M | tr -d '\0' | wc -c)" = 0
expect "$(read_at "$disk" 33M 1M | sum)" = "$(sum <"$case/mib")"
blkdiscard -z -o 32M -l 32M "$disk"
expect "$(rss "$disk")" -le "$(idle_kib)"
expect "$(read_at "$disk" 32M 32M | tr -d '\0' | wc -c)" = 0
