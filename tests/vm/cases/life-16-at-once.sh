# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # the inner shell expands
about "16 disks made at the same time are 16 disks, each with its own bytes"

mkfifo "$case/written" "$case/gate"
exec 6<>"$case/written" 7<>"$case/gate"
cat >"$case/use" <<'END2'
. /tests/lib.sh
pattern 256K "$1" | write_at "$UBLK_DEV" 512K
echo written >&6
read -r line <&7
test "$(read_at "$UBLK_DEV" 512K 256K | sum)" = "$(pattern 256K "$1" | sum)"
END2
servers=
for i in $(seq 16); do
	ublk-mem --size 1M --queues 1 --depth 16 -- sh -eu "$case/use" "$i" &
	servers="$servers $!"
done
for i in $(seq 16); do
	read -r line <&6
done
expect "$(ublk-ctl list -n | wc -l)" = 16
yes | head -n 16 >&7
for server in $servers; do
	wait "$server" || fail "exit status $?"
done
