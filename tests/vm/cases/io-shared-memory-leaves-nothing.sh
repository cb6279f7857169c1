# SPDX-License-Identifier: MIT
# kernels: >=7.1
about "shared memory goes back with the disk, however that ends, and who cuts it short fails his own requests and nothing else"

shmem() {
	awk '/^Shmem:/ { print int($2 / 1024) }' /proc/meminfo
}

is_back() {
	test "$(shmem)" -le $((before + 1))
}

before=$(shmem)
region=$(scratch 16M)
disk=$(start_disk mem 8M --queues 1 --shared-memory="$region")
expect "$(shmem)" -ge $((before + 15))
rm "$region"
expect "$(shmem)" -ge $((before + 15))
stop_disk "$disk"
wait_until 10 is_back

region=$(scratch 16M)
expect_status 127 ublk-mem 8M --shared-memory="$region" -- /no/such/program
rm "$region"
wait_until 10 is_back

# no room for all of it
mkdir "$case/small"
mount -t tmpfs -o size=4M none "$case/small"
on_exit umount "$case/small"
truncate -s 16M "$case/small/region"
expect_status 1 ublk-mem 8M --shared-memory="$case/small/region"
expect_said "there is no memory for all of $case/small/region"
rm "$case/small/region"
wait_until 10 is_back

for what in "/no/such/file" "$case" "$case/empty" "$case/odd" /dev/null; do
	: >"$case/empty"
	truncate -s 5000 "$case/odd"
	expect_status 1 ublk-mem 8M --shared-memory="$what"
done

# under way while it is cut short
region=$(scratch 1M)
disk=$(start_disk mem 8M --queues 1 -vv --shared-memory="$region")
pattern 64K 1 | write_at "$disk" 0
worker=$(worker_pid "$disk")
kill -STOP "$worker"
share-io read "$region" 0 "$disk" 0 65536 >"$case/read" 2>"$case/complaint" &
reader=$!
under_way() {
	test "$(cat "/sys/block/${disk##*/}/inflight" | awk '{ print $1 }')" -ge 1
}
wait_until 10 under_way
truncate -s 0 "$region"
kill -CONT "$worker"
wait $reader && fail "a request succeeded whose memory was gone"
grep -q 'the request: I/O error' "$case/complaint"
expect "$(read_at "$disk" 0 64K | sum)" = "$(pattern 64K 1 | sum)"
expect "$(worker_pid "$disk")" = "$worker"
stop_disk "$disk"
