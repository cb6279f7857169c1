# SPDX-License-Identifier: MIT
about "a disk on a device has the device's sectors, unless others are asked for, larger or smaller, and both work"

modprobe loop
pattern 16K 1 >"$case/p"

# on SIZE [WANTED] - a device with sectors of that size
on() {
	device=$(losetup -f --show --sector-size "$1" "$(scratch 1M)")
	on_exit losetup -d "$device"
	got=${2:-$1}
	disk=$(start_disk file "$device" ${2:+--sector-size "$2"})
	expect "$(blockdev --getss "$disk")" = "$got"
	write_at "$disk" "$got" <"$case/p"
	blkdiscard -z -o $((got * 2)) -l $((got * 2)) "$disk"
	{ head -c "$got" "$case/p"; head -c $((got * 2)) /dev/zero; tail -c +$((got * 3 + 1)) "$case/p"; } >"$case/expected"
	expect "$(read_at "$disk" "$got" 16K | sum)" = "$(sum <"$case/expected")"
	stop_disk "$disk"
	expect "$(read_at "$device" "$got" 16K | sum)" = "$(sum <"$case/expected")"
}

on 512
on 4096
on 512 4096
on 4096 512
