# SPDX-License-Identifier: MIT
about "a second SIGTERM stops a mounted disk at once, after everything that ext4 had in memory was written"

mkfifo "$case/words"
exec 6<>"$case/words"
# shellcheck disable=SC2016 # the inner shell expands
echo 'exec "$@" 2>"${0%/*}/words"' >"$case/talk"
start_with="sh $case/talk"

disk=$(start_disk mem --size 64M --save "$case/saved")
mkfs.ext4 -q "$disk"
mount "$disk" /mnt
on_exit 'umount /mnt 2>/dev/null || true'
pattern 8M 5 >"$case/tree"
cp "$case/tree" /mnt/file
kill -TERM "$(server_pid "$disk")"
read -r words <&6
expect "${words#*mounted at /mnt}" != "$words"
kill -TERM "$(server_pid "$disk")"
expect "$(server_status "$disk")" = 0
read -r words <&6
expect "$words" = "ublk-mem[${disk#/dev/ublkb}]: $disk is stopped but still mounted at /mnt, and vanishes when that is unmounted"
umount /mnt
wait_until 5 test ! -e "$disk"
# the journal needs its replay, as after any sudden end; the data are all there
e2fsck -fy "$case/saved" >/dev/null || test $? = 1
mount -o loop,ro "$case/saved" /mnt
cmp /mnt/file "$case/tree"
umount /mnt
