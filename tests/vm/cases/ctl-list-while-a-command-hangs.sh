# SPDX-License-Identifier: MIT
about "a command that hangs in the kernel is named, with the server that does not answer and who has the disk open, and the other disks are told of"

disk=$(start_disk mem --size 16M -n 3 --stop-timeout=60)
other=$(start_disk null 1M -n 9)
worker=$(worker_pid "$disk")
kill -STOP "$worker"
on_exit "kill -KILL $worker 2>/dev/null || true"
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>"$case/dd" &
dd=$!
wait_until 5 in_flight "$disk"
# told twice: STOP_DEV now waits for the request, and whoever asks about the device waits for STOP_DEV
kill -TERM "$(server_pid "$disk")"
wait_until 5 grep -q 'in use' "$(server_of "$disk")/stderr"
kill -TERM "$(server_pid "$disk")"
stopping() {
	cat "/proc/$(server_pid "$disk")"/task/*/wchan 2>/dev/null | grep -q -e blk_mq_freeze -e del_gendisk -e __flush_work -e cancel_work
}
wait_until 5 stopping
expect_status 0 ublk-ctl list -n --raw -O dev,queues,server
expect_said "GET_PARAMS for device 3 has not returned after 10 s" "it is open in process $dd \(dd\)" \
	"process $worker .*does not answer; 'ublk-ctl del --force 3' kills it" \
	"^$disk" "^$other [0-9]+ ublk"
kill -KILL "$worker"
wait "$dd" && fail "the read succeeded"
server_status "$disk" >/dev/null
