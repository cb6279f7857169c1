# SPDX-License-Identifier: MIT
about "what one server writes to no other may serve, until it ends in whatever way; readers go together, and --share is believed"

image=$(scratch 1M)
modprobe brd rd_nr=1 rd_size=1024
on_exit rmmod brd
for backing in "$image" /dev/ram0; do
	disk=$(start_disk file "$backing")
	expect_status 5 timeout 10 ublk-file "$backing"
	expect_said "$backing is in use: "
	expect_status 5 timeout 10 ublk-file "$backing" --read-only
	expect_said "$backing is in use: another process holds a lock on it"
	expect_status 5 timeout 10 ublk-file "$backing" --cow
	expect_status 5 timeout 10 ublk-file "$backing" -L
	expect_status 0 ublk-file "$backing" --share -- true
	kill_server "$disk"
	ublk-ctl prune 2>/dev/null
	disk=$(start_disk file "$backing")
	stop_disk "$disk"
	reader=$(start_disk file "$backing" --read-only)
	expect_status 0 ublk-file "$backing" --read-only -- true
	expect_status 0 ublk-file "$backing" --cow -- true
	expect_status 5 timeout 10 ublk-file "$backing"
	expect_said "$backing is in use: another process holds a lock on it" '--read-only together with other readers'
	stop_disk "$reader"
	expect_status 0 ublk-file "$backing" -- true
done
# any lock counts
flock "$image" sh -c 'exit 0'
exec 5<"$image"
flock 5
expect_status 5 timeout 10 ublk-file "$image"
exec 5>&-
expect_status 0 ublk-file "$image" -- true
expect_status 2 ublk-file "$image" --share --nooverlap
