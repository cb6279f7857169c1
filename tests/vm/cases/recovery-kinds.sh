# SPDX-License-Identifier: MIT
about "what is under way when the server dies waits, fails, or makes everything fail, as --recovery says"

# frozen_keeper_and_no_server DISK - from here on nobody serves it, until its keeper may go on
frozen_keeper_and_no_server() {
	local worker

	kill -STOP "$(server_pid "$1")"
	worker=$(worker_pid "$1")
	kill -KILL "$worker"
	wait_until 20 no_server "$1"
}
no_server() {
	ublk-ctl info --json "$1" | grep -Eq '"state": *"(quiesced|fail-io)"'
}
reads() {
	timeout "$1" dd if="$2" of=/dev/null bs=4k count=1 iflag=direct status=none
}

for kind in reissue requeue; do
	disk=$(start_disk mem --size 16M --recovery="$kind" --queues 1)
	pattern 1M 1 | write_at "$disk" 0
	frozen_keeper_and_no_server "$disk"
	expect "$(ublk-ctl status "$disk" || true)" = quiesced
	reads 30 "$disk" &
	reader=$!
	kill -CONT "$(server_pid "$disk")"
	wait "$reader"
	expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
	stop_disk "$disk"
done

if ublk-ctl features | grep -Eq 'USER_RECOVERY_FAIL_IO +[0-9.]+ +yes'; then
	disk=$(start_disk mem --size 16M --recovery=fail --queues 1)
	pattern 1M 1 | write_at "$disk" 0
	frozen_keeper_and_no_server "$disk"
	allow_dmesg 'I/O error, dev ublkb'
	expect_status 1 reads 30 "$disk"
	kill -CONT "$(server_pid "$disk")"
	wait_until 20 reads 30 "$disk" 2>/dev/null
	expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
	stop_disk "$disk"
else
	expect_status 4 ublk-mem 16M --recovery=fail
	expect_said 'no USER_RECOVERY_FAIL_IO, which came with Linux 6.13'
fi
