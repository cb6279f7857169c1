# SPDX-License-Identifier: MIT
about "a request of 1 MiB arrives in one piece, in both directions"

disk=$(start_disk mem --size 16M -vv --queues 1)
dd if=/dev/zero of="$disk" bs=1M count=1 oflag=direct conv=nocreat status=none
dd if="$disk" of=/dev/null bs=1M count=1 iflag=direct status=none
server_said "$disk" | grep -q 'op 1, 1048576 bytes at 0' || fail "the write was cut"
server_said "$disk" | grep -q 'op 0, 1048576 bytes at 0' || fail "the read was cut"
