# SPDX-License-Identifier: MIT
about "signals while nobody serves: one lets it be served again until nobody uses it, two end it at once"

mkdir "$case/mnt"
disk=$(start_disk mem --size 64M --supervise --queues 1)
mkfs.ext4 -q "$disk"
mount "$disk" "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
keeper=$(server_pid "$disk")
kill -TERM "$keeper"
in_use() {
	server_said "$disk" | grep -q 'is in use'
}
wait_until 20 in_use
kill -KILL "$(worker_pid "$disk")"
pattern 4M 1 >"$case/mnt/file"
sync "$case/mnt/file"
umount "$case/mnt"
expect "$(server_status "$disk")" = 0

disk=$(start_disk mem --size 64M --supervise --queues 1)
keeper=$(server_pid "$disk")
kill -STOP "$keeper"
kill -KILL "$(worker_pid "$disk")"
kill -TERM "$keeper"
kill -CONT "$keeper"
expect "$(server_status "$disk")" = 0
expect ! -e "$disk"
