# SPDX-License-Identifier: MIT
# kernels: >=7.1
about "requests from --shared-memory are served where they lie after an upgrade as before, though its file is gone"

region=$(scratch 1M)
disk=$(start_disk mem 8M --queues 1 -vv --shared-memory="$region" --supervise)
pattern 64K 1 >"$case/p"
share-io write "$region" 4096 "$disk" 8192 65536 <"$case/p"
mv "$region" "$region.elsewhere"
ublk-ctl upgrade "$disk"
expect "$(share-io read "$region.elsewhere" 139264 "$disk" 8192 65536 | sum)" = "$(sum <"$case/p")"
server_said "$disk" >"$case/said"
expect_said 'op 1, 65536 bytes at 8192, in shared memory$' 'op 0, 65536 bytes at 8192, in shared memory$'
kill -KILL "$(server_pid "$disk")"
server_status "$disk" >/dev/null
ublk-ctl adopt "$disk"
share-io write "$region.elsewhere" 512 "$disk" 1048576 1024 <"$case/p"
expect "$(read_at "$disk" 1M 1024 | sum)" = "$(head -c 1024 "$case/p" | sum)"
ublk-ctl del "$disk"
