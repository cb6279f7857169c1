# SPDX-License-Identifier: MIT
about "ublk_delete() refuses what is in use, takes it by force, deletes what is dead, and says so of what there is not"

disk=$(start_disk mem 32M)
exec 7<"$disk"
expect "$(own-disk delete "$disk" 2>"$case/err")" = -16
grep -q "$disk is in use: open in process $$" "$case/err"
expect "$(own-disk delete "$disk" force)" = 0
exec 7<&-
expect "$(server_status "$disk")" = 0
disk=$(start_disk xor 32M)
expect "$(own-disk delete "${disk#/dev/ublkb}")" = 0
expect "$(server_status "$disk")" = 0
disk=$(start_disk mem 32M)
kill_server "$disk"
expect "$(own-disk delete "$disk")" = 0
expect "$(own-disk delete "$disk" 2>"$case/err")" = -19
expect "$(own-disk delete /dev/sda 2>"$case/err")" = -22
