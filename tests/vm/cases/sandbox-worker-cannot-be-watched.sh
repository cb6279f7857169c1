# SPDX-License-Identifier: MIT
about "not even its owner can look into the serving process, which has what is on the disk"

requires hand-over
mkfifo "$case/watching"
modprobe ublk_drv
chmod 666 /dev/ublk-control
on_exit chmod 600 /dev/ublk-control
hand-over 1000 >"$case/watching" &
on_exit kill $!
read -r line <"$case/watching"
start_with=as_user
disk=$(start_disk mem --size 16M)
worker=$(worker_pid "$disk")
# the owner can look into the other one
as_user cat "/proc/$(server_pid "$disk")/maps" >/dev/null
for file in maps mem environ; do
	expect_status 1 as_user cat "/proc/$worker/$file"
	expect_said 'Permission denied'
done
expect_status 1 as_user strace -p "$worker"
expect_said 'Operation not permitted'
