# kernels: >=6.16
# timeout: 240
# SPDX-License-Identifier: MIT
about "a disk that is quiesced waits, keeps all it has, and goes on when it is recovered: idle, under a load that takes every tag, and when told to end"

state() {
	ublk-ctl list -n --raw -O state "$1"
}
# quiesced DISK - and it stays so
quiesced() {
	worker=$(worker_pid "$1")
	expect_status 0 ublk-ctl quiesce "$1"
	expect "$(state "$1")" = quiesced
	has_ended "$worker"
	expect "$(worker_pid "$1")" = ""
	expect_status 0 ublk-ctl quiesce "$1"
}
recovered() {
	expect_status 0 ublk-ctl recover "$1"
	expect "$(state "$1")" = live
	expect_status 0 ublk-ctl recover "$1"
}

for kind in reissue requeue; do
	disk=$(start_disk mem 16M --recovery="$kind" --queues 2 --save="$case/saved")
	pattern 1M 1 | write_at "$disk" 0
	quiesced "$disk"
	test $kind != reissue || expect_status 5 ublk-ctl upgrade "$disk"
	read_at "$disk" 0 1M >"$case/read" &
	reader=$!
	recovered "$disk"
	wait "$reader"
	expect "$(sum <"$case/read")" = "$(pattern 1M 1 | sum)"
	server_said "$disk" | grep -q "waits until 'ublk-ctl recover"
	! server_said "$disk" | grep -q died || fail "it is said to have died"
	worker=$(worker_pid "$disk")
	kill -KILL "$worker" # which is another thing
	wait_until 20 another_serves "$disk" "$worker"
	quiesced "$disk"
	stop_disk "$disk" # with what it had
	expect "$(read_at "$case/saved" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
done

# under load: more requests than there are tags, and less
loaded() {
	disk=$(start_disk "$@" --supervise --queues 2)
	fio --name=load --filename="$disk" --rw=randwrite --bs=4k --iodepth=32 --ioengine=libaio --direct=1 --size=8M \
		--verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 >"$case/fio" 2>&1 &
	fio=$!
	wait_until 20 has_written "$disk" 100
	for _ in 1 2 3; do
		quiesced "$disk"
		recovered "$disk"
	done
	wait "$fio" || fail "fio has seen an error:
$(cat "$case/fio")"
	! server_said "$disk" | grep -q died || fail "$(server_said "$disk")"
	stop_disk "$disk"
}
loaded mem 16M --depth 8
loaded file "$(scratch 16M)" --depth 64

# deleted meanwhile
disk=$(start_disk null 1M --supervise --queues 1)
quiesced "$disk"
ublk-ctl del "$disk"
expect "$(server_status "$disk")" = 0
expect ! -e "$disk"

# without its keeper there would be nobody to recover it
disk=$(start_disk mem 1M --supervise --queues 1)
worker=$(worker_pid "$disk")
kill -KILL "$(server_pid "$disk")"
server_status "$disk" >/dev/null
expect_status 4 ublk-ctl quiesce "$disk"
expect_said 'has no keeper' 'ublk-ctl adopt'
ublk-ctl del "$disk"
wait_until 10 has_ended "$worker"
