# SPDX-License-Identifier: MIT
about "users name their disks, root sees the names, nobody takes a name away from another, and root's disk goes before"

let_users_in
start_with=as_user
users=$(start_disk null 1M --name=data)
id=${users#/dev/ublkb}
expect "$(as_user ublk-ctl list -n --raw -O id data)" = "$id"
expect "$(ublk-ctl list -n --raw -O id data)" = "$id"
expect_status 5 as_user ublk-null 1M --name=data
start_with=
roots=$(start_disk null 1M --name=data)
expect "$(ublk-ctl list -n --raw -O dev data)" = "$roots"
# who may not look does not see it, and a number does as well
expect "$(as_user ublk-ctl list -n --raw -O name "$roots" 2>/dev/null)" = -
for verb in del stats; do
	expect_status 3 as_user ublk-ctl $verb "$roots"
	expect_said "cannot ask the driver about device ${roots#/dev/ublkb}: " 'root may, and the user who made it'
done
stop_disk "$users"
expect_status 6 as_user ublk-ctl info data
expect_said 'only root sees'
