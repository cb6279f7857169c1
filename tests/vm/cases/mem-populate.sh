# SPDX-License-Identifier: MIT
about "--populate takes all memory before the disk is there, or fails"

# KiB of both processes
rss() {
	cat "/proc/$(server_pid "$1")/status" "/proc/$(worker_pid "$1")/status" | awk '/^VmRSS/ { n += $2 } END { print n }'
}

disk=$(start_disk mem --size 64M --populate)
expect "$(rss "$disk")" -ge 65536
stop_disk "$disk"
expect_status 1 ublk-mem --size 64M --populate --limit 32M
expect_said 'larger than the limit of 32M'
expect_status 1 ublk-mem --size 1T --populate
