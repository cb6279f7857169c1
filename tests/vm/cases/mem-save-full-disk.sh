# SPDX-License-Identifier: MIT
about "--save to a file system that is full ends with an error and leaves the old file alone"

mkdir "$case/dir"
mount -t tmpfs -o size=1M none "$case/dir"
on_exit umount "$case/dir"
echo old >"$case/dir/disk.img"
disk=$(start_disk mem --size 20M --save "$case/dir/disk.img")
pattern 2M 8 | write_at "$disk" 0
kill -TERM "$(server_pid "$disk")"
expect "$(server_status "$disk")" = 1
server_said "$disk" | grep -q 'cannot save the disk to .*disk.img: No space left' || fail "$(server_said "$disk")"
expect "$(ls -A "$case/dir")" = disk.img
expect "$(cat "$case/dir/disk.img")" = old
expect_status 1 ublk-mem --size 1M --save /nonexistent/x
expect_said 'cannot open the directory of /nonexistent/x: No such file'
