# SPDX-License-Identifier: MIT
about "a user without rights serves a file of his own, and no other; one he may only read is a read-only disk; --io=user-copy is not for him"

let_users_in
pattern 1M 1 | tee "$case/own" "$case/readable" >"$case/secret"
chown 1000:1000 "$case/own"
chmod 600 "$case/secret"
start_with=as_user
disk=$(start_disk file "$case/own" -v)
server_said "$disk" | grep -q 'bytes travel by get-data:'
pattern 64K 2 >"$case/p"
as_user dd if="$case/p" of="$disk" bs=64k seek=1 oflag=direct conv=notrunc,nocreat status=none
expect "$(read_at "$case/own" 64K 64K | sum)" = "$(sum <"$case/p")"
as_user mkfs.ext4 -q "$disk"
expect_status 0 as_user e2fsck -fn "$disk"
as_user kill -TERM "$(server_pid "$disk")"
expect "$(server_status "$disk")" = 0
disk=$(start_disk file "$case/readable")
expect "$(blockdev --getro "$disk")" = 1
server_said "$disk" | grep -q "$case/readable cannot be written, so the disk is read-only"
expect_status 3 as_user timeout 10 ublk-file "$case/secret"
expect_said "cannot open $case/secret: Permission denied"
expect_status 0 as_user ublk-file "$case/own" --io=copy -- true
expect_status 3 as_user timeout 10 ublk-file "$case/own" --io=user-copy
expect_said '--io=user-copy: only root may have it; others have get-data and copy'
