# SPDX-License-Identifier: MIT
about "--background returns when the disk is ready, and nobody has to wait for its output to end, not even with 2>&1"

on_exit 'ublk-ctl del -a'
disk=$(ublk-mem --size 16M --background)
expect -b "$disk"
# what is traced after the path was printed comes after it
other=$(ublk-null --background -vv 2>&1 | grep '^/dev/ublkb')
expect -b "$other"
expect "$disk" != "$other"
pattern 1M 2 | write_at "$disk" 1M
expect "$(read_at "$disk" 1M 1M | sum)" = "$(pattern 1M 2 | sum)"
# what goes wrong before is said, and gives the exit status
expect_status 5 ublk-null --background --id "${disk#/dev/ublkb}"
expect_said 'is in use by process'
expect_status 2 ublk-mem --size 0 --background
