# SPDX-License-Identifier: MIT
about "a disk can be upgraded as soon as it is there, while a child of its keeper is still on its way out"

for _ in 1 2 3 4 5 6 7 8; do
	disk=$(start_disk mem 1M --supervise --queues 2)
	ublk-ctl upgrade "$disk"
	expect "$(ublk-ctl status "$disk")" = live
	stop_disk "$disk"
done
