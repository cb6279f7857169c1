# SPDX-License-Identifier: MIT
# kernels: >=7.1
about "a user's file is read and written where his program shares memory with the server"

requires share-io
let_users_in
truncate -s 1M "$case/own" "$case/region"
chown 1000:1000 "$case/own" "$case/region"
start_with=as_user
disk=$(start_disk file "$case/own" --queues 1 -vv --shared-memory="$case/region")
pattern 64K 1 | as_user share-io write "$case/region" 8192 "$disk" 65536 65536
expect "$(as_user share-io read "$case/region" 0 "$disk" 65536 65536 | sum)" = "$(pattern 64K 1 | sum)"
expect "$(read_at "$case/own" 64K 64K | sum)" = "$(pattern 64K 1 | sum)"
server_said "$disk" >"$case/said"
expect_said 'bytes travel by get-data:' 'op 1, 65536 bytes at 65536, in shared memory$' 'op 0, 65536 bytes at 65536, in shared memory$'
as_user kill -TERM "$(server_pid "$disk")"
expect "$(server_status "$disk")" = 0
# his rights decide what he may share
chown 0:0 "$case/region"
chmod 600 "$case/region"
expect_status 3 as_user timeout 10 ublk-file "$case/own" --shared-memory="$case/region"
