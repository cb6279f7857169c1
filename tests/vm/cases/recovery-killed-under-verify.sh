# timeout: 180
# SPDX-License-Identifier: MIT
about "whoever kills the serving process under load, again and again: with --supervise nothing is lost, and clients see only a delay"

# kill_under_load DISK LOOPS
kill_under_load() {
	local fio kills=0

	fio --name=load --filename="$1" --rw=randwrite --bs=4k --iodepth=32 --ioengine=libaio --direct=1 --size=24M \
		--verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 --loops="$2" >"$case/fio" 2>&1 &
	fio=$!
	while kill -0 "$fio" 2>/dev/null; do
		kill_worker "$1"
		kills=$((kills + 1))
	done
	wait "$fio" || fail "fio has seen an error:
$(cat "$case/fio")"
	expect "$kills" -ge 5
	echo "$1: $kills killed"
}
disk=$(start_disk mem --size 32M --supervise --queues 2 --depth 32)
kill_under_load "$disk" 2
stop_disk "$disk"

truncate -s 64M "$case/lower"
lower=$(losetup -f --show "$case/lower")
on_exit losetup -d "$lower"
disk=$(start_disk file "$lower" --supervise --queues 2 --depth 32)
kill_under_load "$disk" 2
stop_disk "$disk"
