# SPDX-License-Identifier: MIT
about "-vv traces every control command and every request, each with its result"

disk=$(start_disk mem --size 16M --queues 1 -vv --no-partscan)
pattern 8K 1 >"$case/p"
dd if="$case/p" of="$disk" bs=8k seek=3 oflag=direct conv=nocreat status=none
dd if="$disk" of=/dev/null bs=8k skip=3 count=1 iflag=direct status=none
sync "$disk"
blkdiscard --offset 64K --length 64K "$disk"
stop_disk "$disk"
server_said "$disk" >"$case/said"
expect_said 'GET_FEATURES: 0' 'ADD_DEV: 0' 'GET_QUEUE_AFFINITY: 0' 'SET_PARAMS: 0' 'START_DEV: 0' '^ublk-mem.*STOP_DEV: 0' \
	'DEL_DEV: 0' 'queue 0 tag [0-9]+: op 1, 8192 bytes at 24576' 'queue 0 tag [0-9]+: op 0, 8192 bytes at 24576' \
	'queue 0 tag [0-9]+: op 3, 65536 bytes at 65536' 'queue 0 tag [0-9]+: answer 8192' 'answer 65536'
expect "$(grep -c 'tag .*: op ' "$case/said")" = "$(grep -c 'tag .*: answer ' "$case/said")"
