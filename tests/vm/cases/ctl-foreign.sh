# SPDX-License-Identifier: MIT
about "a disk of another server, the kernel's kublk, is listed, kept while in use, stopped, deleted, and pruned when its server was killed"

command -v kublk >/dev/null || skip "there is no kublk here: 'tests/bench/kublk.sh out/deps' makes it, from the kernel's source"

# theirs - one more disk of kublk's; prints its number
theirs() {
	ublk-ctl list -n --raw -O id >"$case/known"
	kublk add -t null -q 1 -d 16 >/dev/null 2>&1
	ublk-ctl list -n --raw -O id | grep -vxF -e none -f "$case/known"
}

value() {
	ublk-ctl list -n --raw -O "$1" "$2"
}

modprobe ublk_drv
on_exit rm -rf /run/ublk # kublk's
id=$(theirs)
ublk-ctl wait "$id"
expect "$(value type,state,keeper,name,backing,io,queues,depth "$id")" = "other live - - - - 1 16"
expect "$(value server "$id")" = kublk
expect "$(value pid "$id")" = "$(pidof kublk)"
expect "$(ublk-ctl status "$id")" = live
ublk-ctl info -J "$id" | grep -q '"type": "other"'
expect_status 4 ublk-ctl resize "$id" 1G

# in use
exec 3<"/dev/ublkb$id"
expect_status 5 ublk-ctl del "$id"
expect_said "in use: open in process $$ "
expect "$(ublk-ctl status "$id")" = live
exec 3<&-
ublk-ctl del "$id"
expect ! -e "/dev/ublkb$id"
wait_until 10 sh -c '! pidof kublk >/dev/null'

# stopped, it is its server that takes it away, or not: then we do
id=$(theirs)
ublk-ctl wait "$id"
ublk-ctl stop "$id"
expect ! -e "/dev/ublkb$id"
wait_until 10 sh -c '! pidof kublk >/dev/null'
ublk-ctl del "$id" 2>/dev/null || true
expect "$(ublk-ctl list)" = ""

# its server was killed; beside one of ours, which stays
ours=$(start_disk null 1M)
id=$(theirs)
ublk-ctl wait "$id"
ublk-ctl prune
expect "$(ublk-ctl status "$id")" = live
kill -9 "$(value pid "$id")"
pruned() {
	ublk-ctl prune --quiet
	test ! -e "/dev/ublkc$id"
}
wait_until 30 pruned	# one that is dead and young might be about to be started
expect "$(ublk-ctl list -n --raw -O dev)" = "$ours"
