# SPDX-License-Identifier: MIT
about "what ublk-ctl prints as JSON is as its schema says, with all its members, of disks of every kind, for root and for a user"

requires jq
schema=/tests/ublk-ctl.schema.json

# valid NAME CMD... - the command ends well, and what it prints is a NAME of the schema
valid() {
	local name="$1"

	shift
	"$@" >"$case/json" 2>"$case/complaints-of" || fail "$*: $(cat "$case/complaints-of")"
	jq -r --arg name "$name" --slurpfile schema "$schema" -f /tests/valid.jq "$case/json" >"$case/wrong" ||
		fail "$* is no JSON: $(cat "$case/json")"
	test ! -s "$case/wrong" || fail "$*: $(cat "$case/wrong" "$case/json")"
}

# one that is wrong is noticed
echo '{"ublk": [{"id": "3", "what": 1}]}' >"$case/bad"
expect "$(jq -r --arg name list --slurpfile schema "$schema" -f /tests/valid.jq "$case/bad" | wc -l)" = 2

let_users_in
valid list ublk-ctl list -J
image=$(scratch 4M)
mem=$(start_disk mem 32M --name=scratch)
start_disk file "$image" --read-only >/dev/null
null=$(start_disk null 1M)
(cd "$case" && echo member >file && zip -q a.zip file)
start_disk zip "$case/a.zip" >/dev/null
start_with=as_user
users=$(start_disk null 1M -N mine)
start_with=
mkfs.ext4 -q "$mem"
mount "$mem" /mnt
on_exit umount /mnt
kill -STOP "$(worker_pid "$null")"
on_exit "kill -CONT $(worker_pid "$null") 2>/dev/null || true"
valid list ublk-ctl list -J --output-all
kill -CONT "$(worker_pid "$null")"
expect "$(jq -r '.ublk[0] | keys_unsorted[]' "$case/json" | sort)" = \
	"$(jq -r '."$defs".list.properties.ublk.items.properties | keys[]' "$schema" | sort)"
expect "$(jq -r '.ublk[] | select(.name == "scratch") | "\(.size) \(.mount) \(.ro)"' "$case/json")" = "33554432 /mnt false"
valid list ublk-ctl info -J scratch mine
valid list ublk-ctl list -J -O name,id
valid features ublk-ctl features -J
valid check ublk-ctl check -J
valid check as_user ublk-ctl check -J
valid stats ublk-ctl stats -J
valid stats ublk-ctl stats -J "$users"
valid list as_user ublk-ctl list -J
kill_server "$null"
valid list ublk-ctl list -J --output-all
ublk-ctl del "$null"
expect_status 6 ublk-ctl list -J 4242
