# SPDX-License-Identifier: MIT
about "what was written is in the file when both processes are killed, whatever the cache"

for cache in writeback unsafe; do
	image=$(scratch 4M)
	disk=$(start_disk file "$image" --cache=$cache)
	pattern 1M 1 | write_at "$disk" 1M
	kill_both "$disk"
	expect "$(read_at "$image" 1M 1M | sum)" = "$(pattern 1M 1 | sum)"
	ublk-ctl prune 2>/dev/null
done
