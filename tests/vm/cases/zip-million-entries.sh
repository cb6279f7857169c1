# SPDX-License-Identifier: MIT
# timeout: 240
about "an archive of a million files is mounted at once and all of them are found, in 64 bytes each, their names, and 16 MiB"

modprobe erofs
mkdir "$case/mnt"
many-entries 1000000 >"$case/million.zip"
disk=$(start_disk zip "$case/million.zip")
mount -t erofs -o ro "$disk" "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
expect "$(find "$case/mnt" -type f | wc -l)" = 1000000
expect "$(ls "$case/mnt" | wc -l)" = 1000
for number in 0000000 0000999 0001000 0123456 0500000 0777777 0999999; do
	expect "$(cat "$case/mnt/d$(echo $number | cut -c 2-4)/file-$number")" = $number
done
expect "$(stat -c %s "$case/mnt/d999/file-0999999")" = 8
expect "$(counted "$disk" zip_nodes)" = 1001001
# names of 12 bytes, and of 4 for the directories; not what is the archive's own, on tmpfs
names=$((1000000 * 12 + 1000 * 4))
held=$(awk '/^RssAnon/ { print $2 * 1024 }' "/proc/$(worker_pid "$disk")/status")
# and the kernel rounds up to a huge page, which has 32 MiB where pages have 16 KiB
huge=$(cat /sys/kernel/mm/transparent_hugepage/hpage_pmd_size 2>/dev/null || echo 0)
expect "$held" -le $((1001001 * 64 + names + (huge > 16 << 20 ? huge : 16 << 20)))
umount "$case/mnt"
stop_disk "$disk"
