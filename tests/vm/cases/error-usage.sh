# SPDX-License-Identifier: MIT
about "wrong usage is named in one line, a second one tells where help is, and the exit status is 2"

# wrong [STATUS] CMD...
wrong() {
	status=2
	case $1 in [0-9]*) status=$1 && shift ;; esac
	expect_status "$status" "$@"
	expect "$(wc -l <"$case/said")" = 2
	expect "$(tail -n 1 "$case/said")" = "$1: Try '$1 --help'"
}
wrong ublk-null --image x
expect_said 'ublk-null: ublk-null has no option --image; ublk-mem has'
wrong ublk-mem --no-such-option
expect_said 'unknown option --no-such-option'
wrong ublk-mem -Z
expect_said 'unknown option -Z'
wrong ublk-null --id one
expect_said "--id takes a whole number, not 'one'"
wrong ublk-null --id -1
expect_said "--id takes a whole number, not '-1'"
wrong ublk-null --id 1048576
expect_said '--id is 0 to 1048575, not 1048576'
wrong ublk-null --log file
expect_said "--log is one of stderr, syslog, kmsg, not 'file'"
wrong ublk-null --id
expect_said '--id needs a value'
wrong ublk-null --read-only=yes
expect_said '--read-only takes no value'
wrong ublk-null --p
expect_said "'--p' could mean several options; write it out"
wrong ublk-mem 16M 32M
expect_said "what is '32M' for"
wrong ublk-null --ready-fd 77
expect_said '--ready-fd: descriptor 77 is not open'
wrong ublk-null --ready-fd 0
expect_said '--ready-fd: descriptor 0 is not for this'
# where a command's own 2 could be meant, it is 125
wrong 125 ublk-null --background -- true
expect_said "--background and '-- COMMAND' exclude each other"
wrong ublk-null --quiet --verbose
expect_said '--quiet and --verbose exclude each other'
wrong 125 ublk-null --
expect_said "'--' needs a command after it"
wrong ublk-null --cpu-affinity=1-
expect_said '--cpu-affinity is auto, none or a list of CPUs like 0-3,8'
wrong ublk-ctl no-such-command
wrong ublk-ctl info no/such/device
expect_said "'no/such/device' is no device"
expect "$(ublk-ctl list -n)" = ""
