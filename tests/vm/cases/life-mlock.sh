# SPDX-License-Identifier: MIT
about "--mlock keeps the program and what was touched in memory, and no more; it goes back all the same"

# KiB of locked memory that both processes have touched
locked() {
	cat "/proc/$(server_pid "$1")/smaps" "/proc/$(worker_pid "$1")/smaps" | awk '/^Locked/ { n += $2 } END { print n }'
}

# KiB of the program that are not in memory
absent() {
	awk '/^[0-9a-f]+-/ { program = $6 ~ /ublk$/ } program && /^Size/ { n += $2 } program && /^Rss/ { n -= $2 }
		END { print n + 0 }' "/proc/$1/smaps"
}

for recovery in off requeue; do
	disk=$(start_disk mem --size 64G --mlock --recovery="$recovery")
	for process in "$(server_pid "$disk")" "$(worker_pid "$disk")"; do
		expect "$(awk '/^VmLck/ { print $2 }' "/proc/$process/status")" -gt 0
		expect "$(absent "$process")" = 0
	done
	expect "$(locked "$disk")" -le 4096
	pattern 4M 1 >"$case/4m"
	for i in 0 4 8 12; do write_at "$disk" ${i}M <"$case/4m"; done
	expect "$(locked "$disk")" -ge 16384
	expect "$(read_at "$disk" 12M 4M | sum)" = "$(sum <"$case/4m")"
	blkdiscard "$disk"
	expect "$(locked "$disk")" -le 4096
	expect "$(read_at "$disk" 0 16M | tr -d '\0' | wc -c)" = 0
	stop_disk "$disk"
done
expect_status 0 ublk-file "$case/4m" --mlock -- true

# The limit of a user
let_users_in
expect_status 1 as_user prlimit --memlock=65536 ublk-mem 1M --mlock
expect_said 'lock memory, as --mlock says: ' 'raise RLIMIT_MEMLOCK \(ulimit -l, now 64K\)'
expect_status 0 prlimit --memlock=unlimited setpriv --reuid=1000 --regid=1000 --clear-groups ublk-mem 1M --mlock -- true
