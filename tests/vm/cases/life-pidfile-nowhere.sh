# SPDX-License-Identifier: MIT
about "a pidfile that cannot be written, on a full or read-only file system, is a failure that leaves nothing"

mkdir "$case/full"
mount -t tmpfs -o size=4k tmpfs "$case/full"
on_exit umount "$case/full"
head -c 4096 /dev/zero >"$case/full/file"
expect_status 1 ublk-null --pidfile "$case/full/pid"
expect_said "cannot write the pidfile .*: No space left on device"
expect "$(ls -A "$case/full")" = file
mount -o remount,ro "$case/full"
expect_status 1 ublk-null --pidfile "$case/full/pid"
expect_said "cannot create the pidfile .*: Read-only file system"
expect_status 1 ublk-null --pidfile "$case/no/pid"
expect_said 'cannot open the directory of .*: No such file or directory'
expect "$(ublk-ctl list -n)" = ""
