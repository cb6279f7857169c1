# SPDX-License-Identifier: MIT
about "the servers of running disks are exchanged under load, many times: what is written is read, and no request fails"

load() {
	while test ! -e "$case/enough"; do
		fio --name=load --filename="$1" --rw=randwrite --bs=4k --iodepth=32 --ioengine=libaio --direct=1 --size=24M \
			--verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 >"$case/fio" 2>&1 || return 1
	done
}

# upgrade_under_load DISK - until all that was written at that time has been verified as well
upgrade_under_load() {
	local fio upgrades=0 keeper

	keeper=$(server_pid "$1")
	rm -f "$case/enough"
	load "$1" &
	fio=$!
	while kill -0 "$fio" 2>/dev/null; do
		last=$(worker_pid "$1")
		ublk-ctl upgrade "$1" || fail "$(server_said "$1"; cat "$(server_of "$1")/status"; dmesg | tail -n 5)"
		expect "$(worker_pid "$1")" != "$last"
		upgrades=$((upgrades + 1))
		test $upgrades -lt 5 || : >"$case/enough"
	done
	wait "$fio" || fail "fio has seen an error:
$(cat "$case/fio")"
	expect "$(server_pid "$1")" = "$keeper"
	expect "$upgrades" -ge 5
	echo "$1: $upgrades upgrades"
}

disk=$(start_disk mem --size 32M --supervise --queues 2 --depth 32)
upgrade_under_load "$disk"
stop_disk "$disk"

truncate -s 64M "$case/lower"
lower=$(losetup -f --show "$case/lower")
on_exit losetup -d "$lower"
disk=$(start_disk file "$lower" --supervise --queues 2 --depth 32)
upgrade_under_load "$disk"
stop_disk "$disk"
# timeout: 300
