# SPDX-License-Identifier: MIT
about "when as many disks of users are there as there may be, the next one is told so, with exit status 5"

requires hand-over
modprobe ublk_drv
slots=/sys/module/ublk_drv/parameters/ublks_max
test -w $slots || skip "this kernel has no $slots"
on_exit "echo $(cat $slots) >$slots"
echo 1 >$slots
mkfifo "$case/watching"
chmod 666 /dev/ublk-control
on_exit chmod 600 /dev/ublk-control
hand-over 1000 >"$case/watching" &
on_exit kill $!
read -r line <"$case/watching"
start_with=as_user
disk=$(start_disk null --queues 1)
expect_status 5 as_user ublk-null --queues 1
expect_said 'all slots for ublk devices are in use' 'the limit of 1 is the parameter ublks_max of ublk_drv'
stop_disk "$disk"
disk=$(start_disk null --queues 1)
