# SPDX-License-Identifier: MIT
about "with --offset and --sizelimit a disk is a window in the file, and nothing that is done to it reaches the bytes around it"

modprobe -a ext4 loop
image=$(scratch 16M)
mkfs.ext4 -q "$image"
mount -o loop "$image" /mnt
on_exit umount /mnt
pattern 256K 1 >"$case/before"
pattern 32K 2 >"$case/new"
start=$((64 * 1024 + 512)) length=$((128 * 1024 - 1024))
last=$((length - 32768))

# around - nothing beside the window has changed
around() {
	test -b "$file" || expect "$(stat -c %s "$file")" = 262144
	expect "$(read_at "$file" 0 $start | sum)" = "$before"
	expect "$(read_at "$file" $((start + length)) 256K | sum)" = "$after"
}
before=$(read_at "$case/before" 0 $start | sum)
after=$(read_at "$case/before" $((start + length)) 256K | sum)

# window FILE OPTION... - the first and the last byte of it are changed, in every way there is
window() {
	file=$1
	shift
	dd if="$case/before" of="$file" bs=1M conv=fsync status=none
	disk=$(start_disk file "$file" --offset $start --sizelimit $length "$@")
	expect "$(blockdev --getsize64 "$disk")" = $length
	expect "$(read_at "$disk" 0 $length | sum)" = "$(read_at "$case/before" $start $length | sum)"
	write_at "$disk" 0 <"$case/new"
	write_at "$disk" $last <"$case/new"
	expect_status 1 dd if=/dev/zero of="$disk" bs=512 seek=$((length / 512)) count=1 oflag=direct conv=nocreat
	expect "$(read_at "$file" $start 32K | sum)" = "$(sum <"$case/new")"
	expect "$(read_at "$file" $((start + last)) 32K | sum)" = "$(sum <"$case/new")"
	blkdiscard -z "$disk"
	expect "$(read_at "$disk" 0 $length | tr -d '\0' | wc -c)" = 0
	write_at "$disk" 0 <"$case/new"
	blkdiscard "$disk"
	around
	stop_disk "$disk"
}

window "$case/file"
window /mnt/file --direct-io=on
window /mnt/file --direct-io=off
# a device where the window begins and ends inside a block
device=$(losetup -f --show --sector-size 4096 "$(scratch 256K)")
on_exit losetup -d "$device"
window "$device" --sector-size 512
# without a limit all that follows is the disk; with one that is too large as well
for limit in '' --sizelimit=1G; do
	# shellcheck disable=SC2086 # no word, if there is none
	disk=$(start_disk file "$case/before" -o 128K $limit)
	expect "$(blockdev --getsize64 "$disk")" = 131072
	expect "$(read_at "$disk" 0 128K | sum)" = "$(read_at "$case/before" 128K 128K | sum)"
	stop_disk "$disk"
done
