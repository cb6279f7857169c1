# SPDX-License-Identifier: MIT
about "every --io mode is to be had from the kernel on that has it; before, it is refused with the name of what is missing; auto takes the best"

# since RELEASE - is this kernel one that has what came with it?
since() {
	uname -r | awk -F '[.+-]' -v release="$1" '{ split(release, r, "."); exit !($1 * 1000 + $2 >= r[1] * 1000 + r[2]) }'
}

image=$(scratch 1M)
modes=
while read -r mode release feature; do
	modes="$modes $mode"
	if since "$release"; then
		expect_status 0 ublk-file "$image" -v --io="$mode" -- true
		expect_said "bytes travel by $mode:"
	else
		expect_status 4 timeout 10 ublk-file "$image" --io="$mode"
		expect_said "^ublk-file: --io=$mode: this kernel has no $feature, which came with Linux $release$"
		expect_status 125 ublk-file "$image" --io="$mode" -- true
	fi
done <<-END
	copy		6.0
	get-data	6.0	NEED_GET_DATA
	user-copy	6.5	USER_COPY
	zero-copy	6.15	SUPPORT_ZERO_COPY
	auto-buf	6.16	AUTO_BUF_REG
	batch		7.0	BATCH_IO
END
expect_status 2 ublk-file "$image" "--io=?"
expect_said "^ublk-file: --io is one of auto,$(echo "$modes" | sed 's/\([a-z]\) /\1, /g'), not '\?'$"

# in memory there is nothing better than a single copy; elsewhere there is none
expect_status 0 ublk-file "$image" -v -- true
expect_said 'bytes travel by get-data:'
modprobe brd rd_nr=1 rd_size=1024
on_exit rmmod brd
expect_status 0 ublk-file /dev/ram0 -v -- true
since 6.16 && best=auto-buf || best=get-data
expect_said "bytes travel by $best:"
