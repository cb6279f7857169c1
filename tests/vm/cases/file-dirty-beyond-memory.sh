# SPDX-License-Identifier: MIT
# long
# timeout: 300
# vm: --mem 512M --disk 512M
# vm-own
about "more is written to file systems on disks of ours than there is memory: its dirty pages can only go by way of the servers, which get on, and all is there"

requires fio
modprobe ext4
modprobe virtio_blk
wait_until 10 test -b /dev/vda
# As much as they like may be dirty: only the want of memory has it written
echo 95 >/proc/sys/vm/dirty_ratio
echo 90 >/proc/sys/vm/dirty_background_ratio
on_exit 'echo 20 >/proc/sys/vm/dirty_ratio; echo 10 >/proc/sys/vm/dirty_background_ratio'
available() {
	awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo
}
# leave MIB - what nobody can take away holds the rest of the memory
leave() {
	mkdir -p "$case/ballast"
	mount -t ramfs none "$case/ballast"
	dd if=/dev/zero of="$case/ballast/all" bs=1M count=$(($(available) - $1)) status=none
}
# fill DISK MIB - files that are not synced; what they hold is looked at afterwards
fill() {
	mkfs.ext4 -q "$1"
	mount "$1" /mnt
	fio --name=load --directory=/mnt --rw=write --bs=64k --ioengine=psync --numjobs=2 --size="$(($2 / 2))M" \
		--verify=crc32c --do_verify=0 --verify_state_save=0 >"$case/fio" 2>&1 || fail "$(cat "$case/fio")"
	sync -f /mnt
	umount /mnt
	mount "$1" /mnt
	fio --name=load --directory=/mnt --rw=read --bs=64k --ioengine=psync --numjobs=2 --size="$(($2 / 2))M" \
		--verify=crc32c --verify_fatal=1 --verify_state_save=0 >"$case/fio" 2>&1 || fail "$(cat "$case/fio")"
	umount /mnt
}
on_exit 'umount /mnt 2>/dev/null || true; umount "$case/ballast" 2>/dev/null || true'

memory=$(start_disk mem 112M --queues=2)
leave 192
fill "$memory" 96 # which is in memory twice until it is written
stop_disk "$memory"
umount "$case/ballast"

file=$(start_disk file /dev/vda --queues=2)
leave 96
fill "$file" 256
expect "$(counted "$file" written_bytes)" -ge $((256 << 20))
stop_disk "$file"
