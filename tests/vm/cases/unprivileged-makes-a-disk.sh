# SPDX-License-Identifier: MIT
about "a user without rights makes, uses and removes a RAM disk, when the nodes are handed over, and needs no option"

let_users_in
start_with=as_user
disk=$(start_disk mem --size 32M --queues 2 -v)
server_said "$disk" | grep -q 'granted .*UNPRIVILEGED_DEV'
expect "$(stat -c %U "$disk")" = user
expect "$(awk '/^CapEff/ { print $2 }' "/proc/$(server_pid "$disk")/status")" = 0000000000000000
expect "$(awk '/^Uid/ { print $2 }' "/proc/$(worker_pid "$disk")/status")" = 1000
pattern 2M 9 >"$case/pattern"
as_user dd if="$case/pattern" of="$disk" bs=64k oflag=direct conv=notrunc,nocreat status=none
as_user dd if="$disk" bs=64k iflag=direct count=32 status=none | cmp - "$case/pattern"
as_user mkfs.ext4 -q "$disk"
as_user e2fsck -fn "$disk" >/dev/null
as_user kill -TERM "$(server_pid "$disk")"
status=$(server_status "$disk")
test "$status" = 0 || fail "exit status $status: $(server_said "$disk")"
expect ! -e "$disk"
# and with the tool
disk=$(start_disk null)
expect_status 0 as_user ublk-ctl info "$disk"
expect_status 0 as_user ublk-ctl del "$disk"
expect "$(server_status "$disk")" = 0
expect ! -e "$disk"
