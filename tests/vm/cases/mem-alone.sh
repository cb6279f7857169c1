# SPDX-License-Identifier: MIT
about "a program of mem alone serves, recovers and ends like any other; whoever wants another one to go on with its disk is told no"

requires ublk-alone
mkdir "$case/bin"
ln -s "$(command -v ublk-alone)" "$case/bin/ublk-mem"
start_alone() {
	PATH="$case/bin:$PATH" start_disk mem 16M --queues 1 "$@"
}
still_served() {
	expect "$(ublk-ctl list -n --raw -O state,pid alone)" = "$1 $worker"
	expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
}

disk=$(start_alone --supervise --name=alone)
expect "$(readlink "/proc/$(server_pid "$disk")/exe")" = "$(command -v ublk-alone)"
pattern 1M 1 | write_at "$disk" 0
kill -KILL "$(worker_pid "$disk")"
expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
worker=$(worker_pid "$disk")
expect_status 4 ublk-ctl upgrade alone
expect_said 'Not supported'
grep -q 'no ublk-upgrade: this program was made without ctl' "$(server_of "$disk")/stderr"
expect_status 4 ublk-ctl quiesce alone
! ublk-ctl features | grep -Eq '^QUIESCE +[0-9.]+ +yes' ||
	grep -q 'no ublk-quiesce: this program was made without ctl' "$(server_of "$disk")/stderr"
kill -40 "$(server_pid "$disk")"
still_served live
mkfs.ext4 -q "$disk"
stop_disk "$disk"

# without its keeper it serves on, and nobody gets it
disk=$(start_alone --supervise --name=alone)
pattern 1M 1 | write_at "$disk" 0
worker=$(worker_pid "$disk")
kill -KILL "$(server_pid "$disk")"
server_status "$disk" >/dev/null
still_served orphaned
expect_status 1 ublk-ctl adopt alone
expect_said 'take what the last keeper'
still_served orphaned
ublk-ctl del alone
wait_until 20 test ! -e "$disk"

disk=$(start_alone --sandbox=on --huge=thp --limit=64M)		# a huge page may have 32 MiB
pattern 1M 1 | write_at "$disk" 0
expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
stop_disk "$disk"
