# SPDX-License-Identifier: MIT
about "what cannot be quiesced is refused with exit status 4, and served as before: before Linux 6.16, and what was made without --recovery or in batches"

refused() {
	expect_status 4 ublk-ctl quiesce --timeout=1 "$1"
	expect_said "$2"
	expect "$(ublk-ctl status "$1")" = live
	pattern 64K 1 | write_at "$1" 0
	expect "$(read_at "$1" 0 64K | sum)" = "$(pattern 64K 1 | sum)"
}

if ublk-ctl features | grep -Eq '^QUIESCE +[0-9.]+ +yes'; then
	why="its server has not asked for that"
	if ublk-ctl features | grep -Eq '^BATCH_IO +[0-9.]+ +yes'; then
		disk=$(start_disk mem 16M --supervise --io=batch --queues 1)
		refused "$disk" "$why"
	fi
else
	why="this kernel cannot quiesce a device: that came with Linux 6.16"
	disk=$(start_disk mem 16M --supervise --queues 1)
	refused "$disk" "$why"
fi
disk=$(start_disk mem 16M --queues 1)
refused "$disk" "$why"
expect_status 6 ublk-ctl quiesce 99
