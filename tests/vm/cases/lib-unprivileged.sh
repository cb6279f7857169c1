# SPDX-License-Identifier: MIT
about "a library's disk is served without a right, whoever started it; a user has his, and removes it with ublk_delete()"

disk=$(start_disk xor 16M)
worker=/proc/$(worker_pid "$disk")
for thread in "$worker"/task/*; do
	expect "$(awk '/^(CapInh|CapPrm|CapEff|CapBnd|CapAmb):/ { print $2 }' "$thread/status" | sort -u)" = 0000000000000000
	expect "$(awk '/^NoNewPrivs/ { print $2 }' "$thread/status")" = 1
	expect "$(awk '/^Uid/ { print $2, $3, $4, $5 }' "$thread/status")" = "1969384555 1969384555 1969384555 1969384555"
done
expect "$(readlink "$worker/fd/1")" = /dev/null
stop_disk "$disk"
let_users_in
start_with=as_user
disk=$(start_disk xor 16M -v)
server_said "$disk" | grep -q 'granted .*UNPRIVILEGED_DEV'
pattern 2M 9 >"$case/pattern"
as_user dd if="$case/pattern" of="$disk" bs=64k oflag=direct conv=notrunc,nocreat status=none
as_user dd if="$disk" bs=64k iflag=direct count=32 status=none | cmp - "$case/pattern"
expect "$(as_user own-disk delete "$disk")" = 0
expect "$(server_status "$disk")" = 0
