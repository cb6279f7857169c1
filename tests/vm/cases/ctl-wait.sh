# SPDX-License-Identifier: MIT
about "ublk-ctl wait returns when a device is live, also when it comes later, and says what is missing when the time is over"

expect_status 6 ublk-ctl wait 7 --timeout=0
expect_said 'there is no device 7 after 0 s'
expect_status 6 ublk-ctl wait nobody --timeout=1
expect_status 2 ublk-ctl wait --timeout=1

# by number and by name, begun before there is anything
ublk-ctl wait 7 &
by_number=$!
ublk-ctl wait late &
by_name=$!
disk=$(start_disk mem 1M -n 7 --name=late)
wait $by_number
wait $by_name
expect_status 0 ublk-ctl wait "$disk" --timeout=0
expect_status 0 ublk-ctl wait late --timeout=0

kill_server "$disk"
expect_status 1 ublk-ctl wait 7 --timeout=0
expect_said 'device 7 is there, but not live after 0 s'
ublk-ctl prune --quiet
