# SPDX-License-Identifier: MIT
about "a server that is killed leaves the file of --save as it was, and no other"

mkdir "$case/dir"
echo old >"$case/dir/disk.img"
disk=$(start_disk mem --size 20M --save "$case/dir/disk.img")
kill_server "$disk"
ublk-ctl prune 2>/dev/null
expect "$(ls -A "$case/dir")" = disk.img
expect "$(cat "$case/dir/disk.img")" = old
