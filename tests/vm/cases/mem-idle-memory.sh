# SPDX-License-Identifier: MIT
about "an idle RAM disk takes at most 1 MiB, or a half more where pages are larger, beyond what it holds, both processes together, with four queues too"

# KiB of both processes
rss() {
	cat "/proc/$(server_pid "$1")/status" "/proc/$(worker_pid "$1")/status" | awk '/^VmRSS/ { n += $2 } END { print n }'
}

disk=$(start_disk mem --size 1G)
expect "$(rss "$disk")" -le "$(idle_kib)"
disk=$(start_disk mem --size 1G --queues 2 --depth 256)
expect "$(rss "$disk")" -le "$(idle_kib)"
