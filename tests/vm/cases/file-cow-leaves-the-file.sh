# SPDX-License-Identifier: MIT
about "with --cow writes, zeroes and discards of single sectors are seen on the disk, what is between them comes from the file, and the file stays as it is"

pattern 1M 1 >"$case/file"
pattern 64K 2 >"$case/new"
cp "$case/file" "$case/model"
before=$(stat -c '%y %z' "$case/file")
disk=$(start_disk file "$case/file" --cow --queues 2)

# change SECTOR COUNT - write it, or make it zero, on the disk and in the model of it
write() {
	dd if="$case/new" of="$disk" bs=512 seek="$1" count="$2" skip=$((n * 3 % 32)) oflag=direct conv=notrunc,nocreat status=none
	dd if="$case/new" of="$case/model" bs=512 seek="$1" count="$2" skip=$((n * 3 % 32)) conv=notrunc status=none
}
zero() {
	blkdiscard -z -o $(($1 * 512)) -l $(($2 * 512)) "$disk"
	dd if=/dev/zero of="$case/model" bs=512 seek="$1" count="$2" conv=notrunc status=none
}

# all over the disk, beginning and ending inside pages, over each other
for n in $(seq 20); do
	place=$((n * 677 % 2000)) count=$((1 + n * 5 % 23))
	test $((n % 3)) = 0 && zero $place $count || write $place $count
done
expect "$(read_at "$disk" 0 1M | sum)" = "$(sum <"$case/model")"
# one sector in the middle of a page that nothing else was written to, read alone and with its neighbours
write 2041 1
expect "$(read_at "$disk" 1044480 4096 | sum)" = "$(read_at "$case/model" 1044480 4096 | sum)"
expect "$(dd if="$disk" bs=512 skip=2040 count=3 iflag=direct status=none | sum)" = \
	"$(dd if="$case/model" bs=512 skip=2040 count=3 status=none | sum)"
# what is discarded never shows the file again
blkdiscard -o 512K -l 256K "$disk"
expect "$(read_at "$disk" 512K 256K | tr -d '\0' | wc -c)" = 0
expect "$(read_at "$disk" 0 512K | sum)" = "$(head -c 524288 "$case/model" | sum)"
expect "$(sum <"$case/file") $(stat -c '%y %z' "$case/file")" = "$(pattern 1M 1 | sum) $before"
# and a second disk knows nothing of it
other=$(start_disk file "$case/file" --cow)
expect "$(read_at "$other" 0 1M | sum)" = "$(sum <"$case/file")"
