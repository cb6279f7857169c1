# SPDX-License-Identifier: MIT
about "SIGTERM while the disk is mounted: the server says so, waits for the umount, and removes the disk then"

mkfifo "$case/words"
exec 6<>"$case/words"
# shellcheck disable=SC2016 # the inner shell expands
echo 'exec "$@" 2>"${0%/*}/words"' >"$case/talk"
start_with="sh $case/talk"

disk=$(start_disk mem --size 32M)
mkfs.ext4 -q "$disk"
mount "$disk" /mnt
on_exit 'umount /mnt 2>/dev/null || true'
kill -TERM "$(server_pid "$disk")"
read -r words <&6
expect "$words" = "ublk-mem[${disk#/dev/ublkb}]: $disk is in use (mounted at /mnt); stopping when that ends, or at once on a second signal"
# it serves on
pattern 1M 3 >/mnt/file
sync /mnt/file
echo 3 >/proc/sys/vm/drop_caches
expect "$(sum </mnt/file)" = "$(pattern 1M 3 | sum)"
umount /mnt
expect "$(server_status "$disk")" = 0
expect ! -e "$disk"
