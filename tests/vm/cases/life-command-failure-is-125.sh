# SPDX-License-Identifier: MIT
about "with '-- CMD' a failure of ours is exit status 125, and CMD has not run"

disk=$(start_disk null)
expect_status 125 ublk-null --id "${disk#/dev/ublkb}" -- touch "$case/ran"
expect_said 'is in use by process'
expect_status 125 ublk-mem --size 1M --pidfile /nowhere/pid -- touch "$case/ran"
expect_said 'open the directory of /nowhere/pid: No such file or directory'
expect ! -e "$case/ran"
