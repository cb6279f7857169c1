# SPDX-License-Identifier: MIT
about "with --cow what is written in any --io mode verifies, every sector in between is that of the file, and the file stays as it is"

requires fio
modprobe ext4
image=$(scratch 32M)
mkfs.ext4 -q "$image"
mount -o loop "$image" /mnt
on_exit umount /mnt
pattern 2M 1 | tee "$case/file" >/mnt/file
disks=
for mode in copy get-data user-copy zero-copy auto-buf batch; do
	ublk-file "$case/file" --cow --io=$mode -- true 2>/dev/null || continue
	for file in "$case/file" /mnt/file; do
		disk=$(start_disk file "$file" --cow --io=$mode --depth 16)
		disks="$disks $disk"
		# three sectors, and then four that are not written
		cat >>"$case/jobs" <<-END
			[strides-$mode]
			filename=$disk
			rw=write
			bs=1536
			zonemode=strided
			zonesize=1536
			zoneskip=2048
			size=1M
			io_size=448512
			verify=pattern
			verify_pattern=0xaa
			[random-$mode]
			filename=$disk
			rw=randwrite
			bsrange=512-128k
			blockalign=512
			offset=1M
			size=512K
			verify=crc32c
		END
	done
done
expect "$(echo "$disks" | wc -w)" -ge 6
fio --direct=1 --ioengine=io_uring --iodepth=8 --do_verify=1 --verify_fatal=1 --verify_state_save=0 "$case/jobs" \
	>"$case/fio" 2>&1 || fail "$(cat "$case/fio")"
for disk in $disks; do
	# into new memory: what the page cache is given may hold what another disk has read
	dd if="$disk" of="$case/strides" bs=1M count=1 iflag=direct status=none
	expect "$(tr -d '\252' <"$case/strides" | wc -c)" = $((1048576 - 448512))
	expect "$(tr -d '\0' <"$case/strides" | wc -c)" = 1048576
	expect "$(read_at "$disk" 1536K 512K | sum)" = "$(tail -c 524288 "$case/file" | sum)"
done
expect "$(sum <"$case/file")" = "$(pattern 2M 1 | sum)"
expect "$(sum </mnt/file)" = "$(pattern 2M 1 | sum)"
