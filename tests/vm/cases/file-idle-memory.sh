# SPDX-License-Identifier: MIT
about "a server under load takes memory for its buffers and gives it back soon after: idle, both processes have little more than 1 MiB"

requires fio
modprobe ext4
image=$(scratch 64M)
mkfs.ext4 -q "$image"
mount -o loop "$image" /mnt
on_exit umount /mnt

# KiB of both processes
rss() {
	cat "/proc/$(server_pid "$1")/status" "/proc/$(worker_pid "$1")/status" | awk '/^VmRSS/ { n += $2 } END { print n }'
}

disks='' buffered=''
for mode in get-data user-copy zero-copy; do
	ublk-file "$image" --share --io=$mode -- true 2>/dev/null || continue
	truncate -s 8M /mnt/$mode
	disk=$(start_disk file /mnt/$mode --io=$mode)
	disks="$disks $disk"
	test $mode = zero-copy || buffered="$buffered $disk"
	printf '[%s]\nfilename=%s\n' "$mode" "$disk" >>"$case/jobs"
done
expect "$(echo "$buffered" | wc -w)" = 2
fio --direct=1 --ioengine=io_uring --iodepth=32 --size=8M --rw=randrw --bs=1M --loops=4 "$case/jobs" >"$case/fio" 2>&1 ||
	fail "$(cat "$case/fio")"
idle() {
	test "$(rss "$disk")" -le 1280
}
for disk in $disks; do
	wait_until 5 idle
done
# there was something to give back
for disk in $buffered; do
	expect "$(awk '/^VmHWM/ { print $2 }' "/proc/$(worker_pid "$disk")/status")" -ge 2048
done
