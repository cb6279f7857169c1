# SPDX-License-Identifier: MIT
about "the exit status of '-- CMD' is passed on: its own, 128 and its signal, 126 and 127 as env(1)"

expect_status 0 ublk-null -- true
expect_status 7 ublk-null -- sh -c 'exit 7'
# shellcheck disable=SC2016 # the inner shell expands
expect_status 137 ublk-null -- sh -c 'kill -KILL $$'
expect_status 127 ublk-null -- no-such-command
expect_said 'cannot run no-such-command: No such file or directory'
echo data >"$case/data"
expect_status 126 ublk-null -- "$case/data"
expect_said "cannot run $case/data: Permission denied"
expect_status 126 ublk-null -- /tmp
