# SPDX-License-Identifier: MIT
about "what cannot be a disk is refused at once, each with its reason, and nothing is made or changed"

mkdir "$case/dir"
mkfifo "$case/fifo"
: >"$case/empty"
expect_status 1 timeout 10 ublk-file "$case/missing"
expect_said "^ublk-file: cannot open $case/missing: No such file or directory$"
expect ! -e "$case/missing"
for options in '' --read-only --cow; do
	# shellcheck disable=SC2086 # no word, if there is none
	expect_status 1 timeout 10 ublk-file "$case/dir" $options
	expect_said "$case/dir: Is a directory"
	# shellcheck disable=SC2086
	expect_status 1 timeout 10 ublk-file "$case/fifo" $options
	expect_said "$case/fifo is neither a file nor a block device"
	# shellcheck disable=SC2086
	expect_status 1 timeout 10 ublk-file "$case/empty" $options
	expect_said "$case/empty is empty"
done
expect_status 1 timeout 10 ublk-file /dev/null
expect_said '/dev/null is neither a file nor a block device'
expect_status 2 ublk-file
expect_said 'which file or block device\? Give its path'
expect "$(ublk-ctl list -n)" = ""
