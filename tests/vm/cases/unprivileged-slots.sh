# SPDX-License-Identifier: MIT
about "when as many disks of users are there as there may be, the next one is told so, with exit status 5"

modprobe ublk_drv
slots=/sys/module/ublk_drv/parameters/ublks_max
test -w $slots || skip "this kernel has no $slots"
on_exit "echo $(cat $slots) >$slots"
echo 1 >$slots
let_users_in
start_with=as_user
disk=$(start_disk null --queues 1)
expect_status 5 as_user ublk-null --queues 1
expect_said 'all slots for ublk devices are in use \(0 devices have no disk\)' 'the limit of 1 is the parameter ublks_max of ublk_drv'
stop_disk "$disk"
disk=$(start_disk null --queues 1)
