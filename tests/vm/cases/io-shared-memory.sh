# SPDX-License-Identifier: MIT
# kernels: >=7.1
# timeout: 180
about "requests from --shared-memory are served where they lie, and not copied by the driver; others travel as ever, in every mode"

region=$(scratch 1M)
image=$(scratch 8M)
modprobe brd rd_nr=1 rd_size=8192
on_exit rmmod brd

# trips DISK - bytes go there and back: from shared memory, and from elsewhere
trips() {
	pattern 128K "$1" >"$case/p"
	share-io write "$region" 4096 "$1" 8192 65536 <"$case/p"
	expect "$(read_at "$1" 8192 64K | sum)" = "$(head -c 65536 "$case/p" | sum)"
	expect "$(share-io read "$region" 139264 "$1" 8192 65536 | sum)" = "$(head -c 65536 "$case/p" | sum)"
	# at odd places of pages, and less than one
	share-io write "$region" 512 "$1" 1048576 1024 <"$case/p"
	expect "$(share-io read "$region" 3584 "$1" 1048576 1024 | sum)" = "$(head -c 1024 "$case/p" | sum)"
	dd if="$case/p" of="$1" bs=128k seek=16 oflag=direct conv=nocreat status=none
	expect "$(share-io read "$region" 0 "$1" 2097152 131072 | sum)" = "$(sum <"$case/p")"
	# what was never written is zero there, too
	expect "$(share-io read "$region" 0 "$1" 4194304 8192 | sum)" = "$(head -c 8192 /dev/zero | sum)"
}

proofs() {
	server_said "$1" >"$case/said"
	expect_said 'op 1, 65536 bytes at 8192, in shared memory$' 'op 0, 65536 bytes at 8192, in shared memory$' \
		'op 1, 1024 bytes at 1048576, in shared memory$' 'op 0, 1024 bytes at 1048576, in shared memory$' \
		'op 0, 131072 bytes at 2097152, in shared memory$' 'op 0, 8192 bytes at 4194304, in shared memory$'
	! grep -q 'op 1, 131072 bytes at 2097152, in shared' "$case/said" || fail "what was not in the region is said to be"
	! grep -q 'answer -' "$case/said" || fail "a request failed"
}

for mode in copy get-data user-copy zero-copy auto-buf batch; do
	for what in "mem 8M" "file $image" "file /dev/ram0"; do
		rm -f "$image" && truncate -s 8M "$image"
		blkdiscard -z /dev/ram0
		# shellcheck disable=SC2086 # several words
		disk=$(start_disk $what --queues 1 -vv --io=$mode --shared-memory="$region")
		expect "$(ublk-ctl list -n -O IO "$disk")" = "$mode+shared"
		trips "$disk"
		proofs "$disk"
		stop_disk "$disk"
	done
done

# a file that has no name any more, in huge pages
mkdir "$case/huge"
pages=$(cat /proc/sys/vm/nr_hugepages)
echo $((pages + 2)) >/proc/sys/vm/nr_hugepages
on_exit "echo $pages >/proc/sys/vm/nr_hugepages"
if test "$(cat /proc/sys/vm/nr_hugepages)" -ge $((pages + 2)); then
	mount -t hugetlbfs none "$case/huge"
	on_exit umount "$case/huge"
	truncate -s $((2 * $(awk '/^Hugepagesize/ { print $2 }' /proc/meminfo)))K "$case/huge/region"
	exec 5<>"$case/huge/region"
	rm "$case/huge/region"
	region=/proc/$$/fd/5
	disk=$(start_disk mem 8M --queues 1 -vv --shared-memory="$region")
	trips "$disk"
	proofs "$disk"
	stop_disk "$disk"
	exec 5>&-
fi
