# SPDX-License-Identifier: MIT
about "to make the disk of an archive and look what is on it decompresses nothing; reading a file does, and ublk-ctl stats tells how much"

modprobe erofs
mkdir "$case/tree" "$case/mnt"
pattern 4M >"$case/tree/deflated"
(cd "$case/tree" && zip -q ../tree.zip deflated)
disk=$(start_disk zip "$case/tree.zip")
blkid -p "$disk" >/dev/null
wipefs "$disk" >/dev/null
mount -t erofs -o ro "$disk" "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
ls -lR "$case/mnt" >/dev/null
expect "$(counted "$disk" zip_inflated_bytes) $(counted "$disk" zip_files) $(counted "$disk" zip_nodes)" = "0 1 2"
cat "$case/mnt/deflated" >/dev/null
expect "$(counted "$disk" zip_inflated_bytes)" -ge $((4 << 20))
expect "$(counted "$disk" zip_inflated_bytes)" -le $((5 << 20)) # hardly a byte twice
expect "$(counted "$disk" zip_indexed_bytes)" = $((4 << 20))
expect "$(counted "$disk" zip_checkpoints)" -ge 8
# everything of it, as a program would read it
for name in files nodes member_bytes hits misses inflated_bytes served_bytes spans checkpoints index_bytes cache_bytes \
	crc_failures indexed_bytes; do
	ublk-ctl stats -J "$disk" | grep -q "\"zip_$name\": [0-9]" || fail "there is no zip_$name in: $(ublk-ctl stats -J "$disk")"
done
ublk-ctl info "$disk" | grep -Eq '^  zip_indexed_bytes +4 ?M'
umount "$case/mnt"
stop_disk "$disk"
