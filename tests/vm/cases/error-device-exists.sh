# SPDX-License-Identifier: MIT
about "a device number that is taken: that is said, with what to do, and exit status 5"

disk=$(start_disk null)
id=${disk#/dev/ublkb}
expect_status 5 ublk-mem --size 16M --id "$id"
expect_said "ublk-mem: device $id is in use by process $(server_pid "$disk") \(ublk-null\)" \
	"choose another --id or none; 'ublk-ctl info $id' tells whose it is, 'ublk-ctl prune' deletes dead ones"
test -b "$disk"
# and one that nobody serves any more
kill_both "$disk"
expect_status 5 ublk-mem --size 16M --id "$id"
expect_said "ublk-mem: device $id exists already" "'ublk-ctl prune' deletes dead ones"
ublk-ctl del "$id"
