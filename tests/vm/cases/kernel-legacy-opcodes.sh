# SPDX-License-Identifier: MIT
about "with bare command numbers, as Linux before 6.4 wants them, everything works the same"

export UBLK_LEGACY_OPCODES=1
disk=$(start_disk mem --size 16M --queues 2 -vv)
pattern 4M 2 | write_at "$disk" 1M
expect "$(read_at "$disk" 1M 4M | sum)" = "$(pattern 4M 2 | sum)"
server_said "$disk" | grep -q 'ADD_DEV (legacy opcode): 0' || skip "this kernel takes no bare numbers: $(server_said "$disk")"
server_said "$disk" | grep -q 'START_DEV (legacy opcode): 0'
expect_status 0 ublk-ctl info "$disk"
expect_status 0 ublk-ctl del "$disk"
