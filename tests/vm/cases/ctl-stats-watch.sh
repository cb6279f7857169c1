# SPDX-License-Identifier: MIT
about "ublk-ctl stats -w tells again and again what was done a second, and ends when the disk does"

disk=$(start_disk mem 8M)
ublk-ctl stats -w 1 "$disk" >"$case/rates" 2>"$case/err" &
watcher=$!
on_exit "kill $watcher 2>/dev/null || true"
# reads_seen - a table says so many a second, and how long they took
reads_seen() {
	dd if="$disk" of=/dev/null bs=4k iflag=direct status=none
	awk '$1 == "reads" && $2 > 0 && $5 != "-" { found = 1 } END { exit !found }' "$case/rates"
}
wait_until 30 reads_seen
expect "$(grep -c 'REQUESTS/s' "$case/rates")" -ge 1
# nothing is done any more: the rates go back to nothing
idle_seen() {
	test "$(awk '$1 == "reads" { last = $2 } END { print last }' "$case/rates")" = 0.0
}
wait_until 30 idle_seen

# one that would look again in a day ends with the disk, too
ublk-ctl stats -J -w 86400 >"$case/json" 2>>"$case/err" &
daily=$!
on_exit "kill $daily 2>/dev/null || true"
written() {
	test -s "$case/json"
}
wait_until 30 written
stop_disk "$disk"
wait $watcher
wait $daily
expect "$(cat "$case/err")" = ""
expect "$(grep -c '"dev": "'"$disk"'"' "$case/json")" = 1

# who is told to end leaves nobody behind
disk=$(start_disk mem 8M)
ublk-ctl stats -w 86400 "$disk" &
watcher=$!
has_child() {
	test -n "$(cat "/proc/$watcher/task/$watcher/children")"
}
wait_until 10 has_child
child=$(cat "/proc/$watcher/task/$watcher/children")
waits() {
	grep -q poll "/proc/$((child))/wchan"
}
wait_until 10 waits
kill $watcher
gone() {
	test ! -e "/proc/$((child))"
}
wait_until 10 gone
stop_disk "$disk"
expect_status 6 ublk-ctl stats -w 1 "$disk"
