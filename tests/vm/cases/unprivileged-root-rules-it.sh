# SPDX-License-Identifier: MIT
about "root sees, uses and deletes the disks of users; other users can do none of it, whatever the mode of the node"

let_users_in
start_with=as_user
disk=$(start_disk mem --size 16M)
as_other() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
expect "$(ublk-ctl list --raw -n -O dev,type,state)" = "$disk mem live"
pattern 64K 1 | write_at "$disk" 0
chmod 666 "$disk"
expect_status 1 as_other dd if="$disk" of=/dev/null count=1
expect_said 'Operation not permitted|Permission denied'
expect_status 3 as_other ublk-ctl del "$disk"
expect_status 3 as_other ublk-ctl stop "$disk"
expect "$(read_at "$disk" 0 64K | sum)" = "$(pattern 64K 1 | sum)"
expect_status 0 ublk-ctl del "$disk"
expect "$(server_status "$disk")" = 0
expect ! -e "$disk"
