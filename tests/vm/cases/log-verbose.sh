# SPDX-License-Identifier: MIT
about "-v tells what the kernel offers, what was asked for and granted, and what was chosen, and not a word per request"

disk=$(start_disk mem --size 16M --queues 1 -v)
pattern 64K 1 | write_at "$disk" 0
stop_disk "$disk"
server_said "$disk" >"$case/said"
expect_said '^ublk-mem\[[0-9]+\]: the kernel offers .*NEED_GET_DATA' 'asked for NEED_GET_DATA' 'granted .*NEED_GET_DATA' \
	'bytes travel by get-data' '1 queues of 128 tags, requests of up to 1024 KiB' 'queue 0 runs on CPUs [0-9]' \
	'io_uring: [A-Z]' 'start the device$' 'undo: start the device$'
expect "$(grep -cE ' tag [0-9]|_DEV: ' "$case/said")" = 0
