# SPDX-License-Identifier: MIT
about "reading all of a disk that nobody has written allocates nothing"

# KiB of both processes
rss() {
	cat "/proc/$(server_pid "$1")/status" "/proc/$(worker_pid "$1")/status" | awk '/^VmRSS/ { n += $2 } END { print n }'
}

disk=$(start_disk mem --size 1G)
dd if="$disk" of=/dev/null bs=1M iflag=direct status=none
# nor page tables, of which a map of nothing but the zero page would need 2 MiB
expect "$(awk '/^VmPTE/ { print $2 }' "/proc/$(worker_pid "$disk")/status")" -le 256
expect "$(read_at "$disk" 100M 16M | tr -d '\0' | wc -c)" = 0
expect "$(rss "$disk")" -le "$(idle_kib)"
