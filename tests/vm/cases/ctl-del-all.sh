# SPDX-License-Identifier: MIT
about "ublk-ctl del takes several devices or all of them, and is done when their servers are"

one=$(start_disk null --queues 1)
two=$(start_disk null --queues 1)
three=$(start_disk mem --size 1M --queues 1)
expect_status 0 ublk-ctl del "$one" "$two"
expect "$(server_status "$one")" = 0
expect "$(ublk-ctl list --raw -n -O dev)" = "$three"
expect_status 0 ublk-ctl del -a
expect "$(ublk-ctl list)" = ""
test ! -e "/proc/$(server_pid "$three")" || expect "$(server_status "$three")" = 0
expect_status 6 ublk-ctl del 4242
