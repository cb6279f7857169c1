# SPDX-License-Identifier: MIT
about "a lock that udev takes on a device for a moment is waited for, and no longer than 3 seconds"

modprobe brd rd_nr=1 rd_size=1024
on_exit rmmod brd
exec 7</dev/ram0
flock -s 7
ublk-file /dev/ram0 -- true >"$case/said" 2>&1 7<&- &
server=$!
wait_until 20 grep -q -e '-> FLOCK' /proc/locks
exec 7<&-
wait "$server" || fail "exit status $?: $(cat "$case/said")"

exec 7</dev/ram0
flock -s 7
expect_status 5 timeout 30 ublk-file /dev/ram0 7<&-
expect_said '/dev/ram0 is in use: another process holds a lock on it'
expect_status 0 ublk-file /dev/ram0 --read-only -- true 7<&-
flock -u 7
flock -x 7 # a writer's is not waited for
expect_status 5 timeout 30 ublk-file /dev/ram0 -v 7<&-
expect "$(grep -c 'has not gone within' "$case/said" || true)" = 0
