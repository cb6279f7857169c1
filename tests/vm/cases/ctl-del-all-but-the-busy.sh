# SPDX-License-Identifier: MIT
about "ublk-ctl del -a deletes what it can, although one device is in use, and says so with its status"

busy=$(start_disk mem --size 1M --queues 1)
idle=$(start_disk null --queues 1)
exec 7<"$busy"
expect_status 5 ublk-ctl del -a
expect_said "$busy is in use"
exec 7<&-
expect "$(ublk-ctl list --raw -n -O dev)" = "$busy"
expect "$(server_status "$idle")" = 0
