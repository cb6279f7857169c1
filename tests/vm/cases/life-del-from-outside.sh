# SPDX-License-Identifier: MIT
about "a server whose disk is deleted or stopped by somebody else ends well, and leaves nothing"

for verb in del stop 'del --force'; do
	disk=$(start_disk mem --size 16M)
	# shellcheck disable=SC2086 # two words
	expect_status 0 ublk-ctl $verb "$disk"
	expect "$(server_status "$disk")" = 0
	expect "$(server_said "$disk")" = ""
	expect ! -e "$disk"
done
