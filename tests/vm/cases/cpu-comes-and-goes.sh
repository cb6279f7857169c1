# SPDX-License-Identifier: MIT
# long
# timeout: 180
# vm: --smp 4
about "processors are taken away and come back under load: what is written verifies, in memory and in a file"

requires fio
times=0
on_exit 'for cpu in 1 2 3; do echo 1 >/sys/devices/system/cpu/cpu$cpu/online; done' # others share the machine
for disk in "$(start_disk mem 32M --queues=4)" "$(start_disk file "$(scratch 32M)" --queues=4)"; do
	fio --name=load --filename="$disk" --rw=randwrite --bs=4k --iodepth=16 --ioengine=libaio --direct=1 --size=16M \
		--verify=crc32c --verify_fatal=1 --verify_state_save=0 --loops=3 >"$case/fio" 2>&1 &
	fio=$!
	while kill -0 $fio 2>/dev/null; do
		for cpu in 1 2 3; do
			echo 0 >/sys/devices/system/cpu/cpu$cpu/online
		done
		for cpu in 1 2 3; do
			echo 1 >/sys/devices/system/cpu/cpu$cpu/online
		done
		times=$((times + 3))
	done
	wait $fio || fail "fio has seen an error:
$(cat "$case/fio")"
	stop_disk "$disk"
done
expect $times -ge 12
counted_as $times "processors taken away and given back"
