# SPDX-License-Identifier: MIT
about "a disk whose keeper was killed is served on, and another keeper adopts it with all that it had; prune lets it be"

column() {
	ublk-ctl list -n --raw -O "$1" "$2"
}
# without_keeper DISK - it is killed; the number of what serves on
without_keeper() {
	worker=$(worker_pid "$1")
	keeper=$(server_pid "$1")
	kill -KILL "$keeper"
	server_status "$1" >/dev/null
	kill -0 "$worker"
}

disk=$(start_disk mem 16M --save="$case/saved" --name=scratch --supervise --queues 2 --oom-score-adj=-500)
pattern 1M 1 | write_at "$disk" 0
# what is left for that can be read by who serves, and not written to
server=/proc/$(worker_pid "$disk")
state=$(find "$server/fd" -exec readlink '{}' ';' -print | grep -A 1 '^/memfd:ublk-state:' | tail -n 1)
expect "$(awk '/^flags/ { print substr($2, length($2)) }' "$server/fdinfo/${state##*/}")" = 0
expect_status 5 ublk-ctl adopt scratch
expect_said 'has its keeper'
without_keeper "$disk"
pattern 1M 2 | write_at "$disk" 1M
expect "$(column state scratch)" = orphaned
expect_status 1 ublk-ctl status "$disk"
expect_status 0 ublk-ctl wait --timeout=0 "$disk"
expect_status 0 ublk-ctl prune
kill -0 "$worker"

out=$(ublk-ctl adopt scratch 2>&1) # which ends, though the keeper goes on
expect "$out" = ""
expect "$(column state scratch)" = live
expect "$(column keeper scratch)" = "$keeper"
expect "$(column pid scratch)" != "$worker"
expect "$(cat "/proc/$keeper/oom_score_adj") $(cat "/proc/$(worker_pid "$disk")/oom_score_adj")" = "-500 -500"
expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
expect "$(read_at "$disk" 1M 1M | sum)" = "$(pattern 1M 2 | sum)"
kill -KILL "$(worker_pid "$disk")" # and it can have yet another server
pattern 1M 3 | write_at "$disk" 2M
ublk-ctl upgrade "$disk"
kill -KILL "$keeper" # and yet another keeper
wait_until 10 has_ended "$keeper"
ublk-ctl adopt "$disk"
expect "$(read_at "$disk" 2M 1M | sum)" = "$(pattern 1M 3 | sum)"
ublk-ctl del "$disk"
expect ! -e "$disk"
expect "$(read_at "$case/saved" 2M 1M | sum)" = "$(pattern 1M 3 | sum)"

# under load
truncate -s 64M "$case/file"
disk=$(start_disk file "$case/file" --supervise --queues 2 --depth 32)
fio --name=load --filename="$disk" --rw=randwrite --bs=4k --iodepth=32 --ioengine=libaio --direct=1 --size=16M \
	--verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 >"$case/fio" 2>&1 &
fio=$!
rm "$case/file"
wait_until 20 has_written "$disk" 100
without_keeper "$disk"
ublk-ctl adopt "$disk"
wait "$fio" || fail "fio has seen an error:
$(cat "$case/fio")"
ublk-ctl del "$disk"

# both gone: nothing is left to go on with
disk=$(start_disk mem 16M --supervise --queues 1)
without_keeper "$disk"
kill -KILL "$worker"
wait_until 10 has_ended "$worker"
expect_status 1 ublk-ctl adopt "$disk"
expect_said 'nobody serves device' 'ublk-ctl del --force'
expect_status 0 ublk-ctl prune
expect ! -e "$disk"

# nobody adopts it, and it is deleted
disk=$(start_disk mem 16M --supervise --queues 1)
without_keeper "$disk"
ublk-ctl del "$disk"
wait_until 10 has_ended "$worker"
expect ! -e "$disk"

# without --supervise the server goes with its keeper, as ever
disk=$(start_disk mem 16M --queues 1)
kill_server "$disk"
expect_status 1 ublk-ctl adopt "$disk"
expect_status 0 ublk-ctl prune
# timeout: 180
