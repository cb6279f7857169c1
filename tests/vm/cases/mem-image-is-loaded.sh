# SPDX-License-Identifier: MIT
about "--image fills the disk, --size makes it larger, holes stay holes, and the progress is shown when asked for"

# KiB of both processes
rss() {
	cat "/proc/$(server_pid "$1")/status" "/proc/$(worker_pid "$1")/status" | awk '/^VmRSS/ { n += $2 } END { print n }'
}

image=$(scratch 40M)
pattern 3M 4 | write_at "$image" 20M
disk=$(start_disk mem --image "$image" --size 48M --progress)
expect "$(blockdev --getsize64 "$disk")" = $((48 * 1048576))
expect "$(read_at "$disk" 0 40M | sum)" = "$(sum <"$image")"
expect "$(read_at "$disk" 40M 8M | tr -d '\0' | wc -c)" = 0
expect "$(rss "$disk")" -le $((3072 + $(idle_kib)))
server_said "$disk" | grep -q 'loading.*100%' || fail "no progress: $(server_said "$disk")"
disk=$(start_disk mem -i "$image")
expect "$(blockdev --getsize64 "$disk")" = $((40 * 1048576))
mkdir "$case/mounted"
mount -t tmpfs none "$case/mounted"
on_exit "umount $case/mounted 2>/dev/null || true"
cp "$image" "$case/mounted/image"
other=$(start_disk mem -i "$case/mounted/image")
umount "$case/mounted" # nobody has it open any more
stop_disk "$other"
server_said "$disk" | grep -q loading && fail "progress on what is no terminal"
expect_status 1 ublk-mem --image /nonexistent
expect_said 'cannot open the image /nonexistent: No such file'
expect_status 1 ublk-mem --image /tmp
expect_status 1 ublk-mem --image /dev/null
