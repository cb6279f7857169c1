# SPDX-License-Identifier: MIT
about "to make the disk of an archive and look what is on it decompresses nothing; reading a file does, and ublk-ctl stats tells how much"

modprobe erofs
mkdir "$case/tree" "$case/mnt"
pattern 4M >"$case/tree/deflated"
(cd "$case/tree" && zip -q ../tree.zip deflated)
disk=$(start_disk zip "$case/tree.zip")
number() {
	ublk-ctl stats "$disk" | awk -v name="$1" '$2 == name { print $3 }'
}
blkid -p "$disk" >/dev/null
wipefs "$disk" >/dev/null
mount -t erofs -o ro "$disk" "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
ls -lR "$case/mnt" >/dev/null
expect "$(number zip_inflated_bytes) $(number zip_files) $(number zip_nodes)" = "0 1 2"
cat "$case/mnt/deflated" >/dev/null
expect "$(number zip_inflated_bytes)" -ge $((4 << 20))
expect "$(number zip_inflated_bytes)" -le $((5 << 20)) # hardly a byte twice
expect "$(number zip_indexed_bytes)" = $((4 << 20))
expect "$(number zip_checkpoints)" -ge 8
umount "$case/mnt"
stop_disk "$disk"
