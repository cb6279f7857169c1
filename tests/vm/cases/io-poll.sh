# SPDX-License-Identifier: MIT
about "a disk that polls has the same bytes, sleeps when nothing comes, and stops like any other"

# Is every thread of the serving process asleep?
asleep() {
	test -z "$(cat /proc/"$(worker_pid "$1")"/task/*/stat | sed 's/.*) \(.\) .*/\1/' | grep -v S)"
}

expect_status 2 ublk-mem --size 16M --poll=0
for io in get-data user-copy; do
	disk=$(start_disk mem --size 8M --poll=50 --io=$io)
	fio --name=v --filename="$disk" --rw=randwrite --bsrange=4k-64k --verify=crc32c --direct=1 --ioengine=io_uring \
		--iodepth=4 --size=8M >"$case/fio" 2>&1 || fail "$(cat "$case/fio")"
	wait_until 10 asleep "$disk"
	stop_disk "$disk"
done
