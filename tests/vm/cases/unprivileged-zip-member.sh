# SPDX-License-Identifier: MIT
about "the way through a member is known before a user without rights has his disk: who asked for its end would be killed for waiting"

pattern 8M 1 >"$case/big"
(cd "$case" && zip -q a.zip big)
chmod -R a+rX "$case"
let_users_in
indexed() {
	ublk-ctl stats -J "$1" | jq '.stats[0].zip_indexed_bytes'
}
start_with=as_user
disk=$(start_disk zip "$case/a.zip" --member=big --queues 1)
expect "$(indexed "$disk")" = $((8 << 20))
expect "$(as_user dd if="$disk" bs=1M status=none | sum)" = "$(sum <"$case/big")"
stop_disk "$disk"
disk=$(start_disk zip "$case/a.zip" --member=big --queues 1 --index=lazy)
expect "$(indexed "$disk")" -lt $((8 << 20))
stop_disk "$disk"
