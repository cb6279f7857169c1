# SPDX-License-Identifier: MIT
about "columns are chosen as with lsblk and losetup, in the order asked for, and whatever a value holds stays in its place"

disk=$(start_disk mem 32M --name=odd -q 1)
list() {
	ublk-ctl list "$@" "$disk"
}

expect "$(list --raw -O size,name,id)" = "SIZE NAME ID
32M odd ${disk#/dev/ublkb}"
expect "$(list -n -O Type,dev)" = "mem  $disk"
expect "$(list -n --raw -b -O size,SIZE)" = 33554432
usual=$(list --raw | head -n 1)
expect "$(list --raw -O +sector,name | head -n 1)" = "$usual SECTOR"
expect "$(list --raw --output-all | head -n 1 | wc -w)" -gt 18
expect "$(list --raw -O ALL | head -n 1)" = "$(list --raw --output-all | head -n 1)"
expect_status 2 ublk-ctl list -O size,sise
expect_said "there is no column 'sise'; there are ID DEV NAME .* FLAGS and ALL"
expect_status 2 ublk-ctl list -O ''
expect_status 2 ublk-ctl list -O +

# a place with a blank, a newline, a backslash, a quote, a letter of two bytes and a byte that is none
where=$(printf '%s/a b\nc\\d"\303\244\377' "$case")
mkfs.ext4 -q "$disk"
mkdir "$where"
mount "$disk" "$where"
on_exit umount "$disk"
# shellcheck disable=SC2028 # these are the letters that are meant
{
	expect "$(list -n -O mount)" = "$case/a b\\x0ac\\d\"ä\\xff"
	expect "$(list -n --raw -O mount)" = "$case/a\\x20b\\x0ac\\x5cd\"ä\\xff"
	expect "$(list -J -O mount | sed -n 2p)" = "  {\"mount\": \"$case/a b\\u000ac\\\\d\\\"ä\\ufffd\"}"
	expect "$(ublk-ctl info "$disk" | sed -n 's/^MOUNT *//p')" = "$case/a b\\x0ac\\d\"ä\\xff"
}
# a message stays in its line
expect_status 5 ublk-ctl del "$disk"
expect_said 'mounted at .*/a.040b.012c'
