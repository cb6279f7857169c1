# SPDX-License-Identifier: MIT
about "not even its owner can look into the serving process, which has what is on the disk"

let_users_in
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
