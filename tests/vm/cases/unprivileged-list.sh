# SPDX-License-Identifier: MIT
about "a user's list has every disk, and of his own all there is to know"

roots=$(start_disk mem --size 16M)
let_users_in
start_with=as_user
own=$(start_disk mem --size 32M --queues 1)
expect_status 0 as_user ublk-ctl list --raw -n -O dev,type,state,size
cat "$case/said"
expect "$(grep -c . "$case/said")" = 2
expect_said "^$own mem live 32M$" "^$roots .*live"
# without the control node there is still sysfs to tell
chmod 600 /dev/ublk-control
expect_status 0 as_user ublk-ctl list --raw -n -O dev,state
expect_said "^$own live$" "^$roots live$"
chmod 666 /dev/ublk-control
