# SPDX-License-Identifier: MIT
# timeout: 150
about "an archive that is written to, cut off or cut off and regrown while it is mounted is noticed, also for stored files: reading fails, the log says once what happened; replaced by another of its name it is served on"

modprobe erofs
mkdir "$case/tree" "$case/mnt"
for file in 1-first 2-second 3-third; do pattern 256K "$file" >"$case/tree/$file"; done
(cd "$case/tree" && zip -q0 ../stored.zip 1-first 2-second 3-third && zip -q ../deflated.zip 1-first 2-second 3-third)

mounted() {
	cp "$case/$1.zip" "$case/app.zip"
	shift
	disk=$(start_disk zip "$case/app.zip" "$@")
	mount -t erofs -o ro "$disk" "$case/mnt"
	on_exit "umount $case/mnt 2>/dev/null || true"
	reads 1-first
}

gone() {
	umount "$case/mnt"
	stop_disk "$disk"
}

reads() {
	expect "$(sum <"$case/mnt/$1")" = "$(sum <"$case/tree/$1")"
}

# nobody looks more often than once a second
fails() {
	echo 3 >/proc/sys/vm/drop_caches
	! cat "$case/mnt/1-first" >/dev/null 2>&1
}

noticed() {
	wait_until 10 fails
	for file in 1-first 2-second 3-third; do expect_status 1 cat "$case/mnt/$file"; done
	expect "$(server_said "$disk" | grep -c 'cannot be read')" = 1
	expect "$(server_said "$disk" | grep -c "app.zip was changed while it is served: $1")" = 1
	expect "$(server_said "$disk" | grep -c 'start it anew; --on-change=ignore')" = 1
	ls "$case/mnt/2-second" >/dev/null
	gone
}

size=$(stat -c %s "$case/stored.zip")
for archive in stored deflated; do
	mounted "$archive"
	printf 'changed' | dd of="$case/app.zip" bs=1 seek=5000 conv=notrunc status=none
	noticed 'it was written to'
done
mounted stored
truncate -s $((size / 2)) "$case/app.zip"
truncate -s "$size" "$case/app.zip"
noticed 'it was written to'
mounted stored
truncate -s $((size / 2)) "$case/app.zip"
noticed "it had $size bytes, and has $((size / 2))"

mounted stored
echo 'something else' >"$case/new.zip"
mv "$case/new.zip" "$case/app.zip"
reads 2-second
rm "$case/app.zip"
reads 3-third
gone

mounted stored --on-change=ignore
printf 'changed' | dd of="$case/app.zip" bs=1 seek=$((size - 1000)) conv=notrunc status=none
reads 2-second
expect "$(grep -c changed "$case/mnt/3-third")" = 1
gone
