# SPDX-License-Identifier: MIT
about "with --recovery, too, memory goes when it is discarded or zeroed, all of it at the end, and --save and --image work"

shmem() {
	awk '/^Shmem:/ { print $2 }' /proc/meminfo
}
before=$(shmem)
pattern 48M 2 >"$case/image"
truncate -s 64M "$case/image"
held=$(shmem) # the image lies in memory as well
disk=$(start_disk mem --image "$case/image" --save "$case/saved" --supervise)
expect $(($(shmem) - held)) -ge $((47 << 10))
kill -KILL "$(worker_pid "$disk")"
expect "$(read_at "$disk" 0 64M | sum)" = "$(sum <"$case/image")"
blkdiscard -o 0 -l 16M "$disk"
blkdiscard -z -o 16M -l 16M "$disk"
expect $(($(shmem) - held)) -le $((17 << 10))
expect "$(read_at "$disk" 0 32M | tr -d '\0' | wc -c)" = 0
kill -KILL "$(worker_pid "$disk")"
expect "$(read_at "$disk" 32M 16M | sum)" = "$(tail -c 33554432 "$case/image" | head -c 16777216 | sum)"
stop_disk "$disk"
expect "$(tail -c 33554432 "$case/saved" | sum)" = "$(tail -c 33554432 "$case/image" | sum)"
rm "$case/image" "$case/saved"
expect $(($(shmem) - before)) -le 1024
