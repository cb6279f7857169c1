# SPDX-License-Identifier: MIT
about "when the path cannot be written to standard output there is no disk, and exit status 1"

expect_status 1 sh -c 'exec ublk-null >/dev/full'
expect_said 'cannot write the device path to standard output: No space left on device'
expect "$(ublk-ctl list -n)" = ""
# nobody reads
mkfifo "$case/pipe"
exec 6<>"$case/pipe" 7>"$case/pipe" 6<&-
expect_status 1 sh -c 'exec ublk-null >&7 7>&-'
expect_said 'cannot write the device path to standard output: Broken pipe'
# the same in the background
expect_status 1 sh -c 'exec ublk-null --background >/dev/full'
expect "$(ublk-ctl list -n)" = ""
