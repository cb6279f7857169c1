#!/bin/sh
# SPDX-License-Identifier: MIT
#
# last.sh - what is claimed of the shutdown, when it has happened

status=0

# claim WHAT COMMAND...
claim() {
	what=$1
	shift
	if "$@"; then
		echo "ok $what"
	else
		echo "not ok $what"
		journalctl --no-pager -n 100 | sed 's/^/    /'
		dmesg | tail -n 30 | sed 's/^/    /'
		status=1
	fi
}

# in_order PATTERN... - each begins later in the journal than the one before
in_order() {
	last=0
	for pattern; do
		line=$(journalctl --no-pager -o cat | grep -nF "$pattern" | tail -n 1 | cut -d : -f 1)
		test "${line:-0}" -gt $last || return 1
		last=$line
	done
}

all_in_order() {
	in_order "Unmounted scratch.mount" "Stopping ublk-mem@scratch.service" "Stopped ublk-mem@scratch.service" &&
		in_order "Unmounted app.mount" "Stopping ublk-zip@app.service" "Stopped ublk-zip@app.service" \
			"Unmounting srv.mount" &&
		in_order "Unmounted data.mount" "Stopping ublk-file@data.service" "Stopped ublk-file@data.service" \
			"Unmounting srv.mount"
}

nothing_failed() {
	for log in "journalctl --no-pager -o cat" dmesg; do
		! $log | awk 'on; /guest.sh: the end begins/ { on = 1 }' |
			grep -Ei 'ublk.*fail|failed unmount|in use|error|warning|BUG' || return 1
	done
}

nothing_left() {
	left=$(
		find /sys/block /sys/class/ublk-char -mindepth 1 -name 'ublk*'
		grep -E '^/dev/(ublk|vd)' /proc/self/mounts
	)
	test -z "$left" || ! echo "$left"
}

claim "at shutdown disks are stopped when they are unmounted, and before the file system with their file" all_in_order
claim "nothing fails at shutdown" nothing_failed
claim "nothing is left of the disks at shutdown" nothing_left
exit $status
