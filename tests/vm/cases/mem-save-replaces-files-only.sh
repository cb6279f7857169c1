# SPDX-License-Identifier: MIT
about "--save and --pidfile replace regular files, and refuse a device, a directory or a link in their place"

ln -s "$case/elsewhere" "$case/link"
mkdir "$case/dir"
for place in /dev/null "$case/link" "$case/dir"; do
	expect_status 5 ublk-mem --size 1M --save "$place"
	expect_said 'is no regular file'
	expect_status 5 ublk-mem --size 1M --pidfile "$place"
	expect_said 'is no regular file'
done
expect -c /dev/null
