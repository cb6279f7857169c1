# SPDX-License-Identifier: MIT
about "what was flushed is on the medium when its power fails, buffered and direct; what was not is lost, and with --cache=unsafe all of it"

requires dmsetup replay-writes
export DM_DISABLE_UDEV=1 # nobody else makes the nodes
modprobe -a dm-log-writes loop
medium=$(losetup -f --show "$(scratch 8M)")
on_exit losetup -d "$medium"
log=$(losetup -f --show "$(scratch 32M)")
on_exit losetup -d "$log"
dmsetup create logged --table "0 16384 log-writes $medium $log"
on_exit 'test ! -e /dev/mapper/logged || DM_DISABLE_UDEV=1 dmsetup remove logged'
pattern 256K 1 >"$case/p"

# write NAME OFFSET OPTION... - marks: NAME-written, NAME-flushed
write() {
	name=$1 offset=$2
	shift 2
	disk=$(start_disk file /dev/mapper/logged --offset "$offset" "$@")
	dd if="$case/p" of="$disk" bs=64k oflag=direct conv=notrunc,nocreat status=none
	dmsetup message logged 0 mark "$name-written"
	flush "$disk"
	dmsetup message logged 0 mark "$name-flushed"
	stop_disk "$disk"
}

# after MARK OFFSET - is it there when the power fails then?
after() {
	rm -f "$case/left"
	truncate -s 8M "$case/left"
	replay-writes "$log" "$case/left" "$1"
	test "$(read_at "$case/left" "$2" 256K | sum)" = "$(sum <"$case/p")" && echo kept || echo lost
}

write buffered 0 --direct-io=off
write direct 1M --direct-io=on
write unsafe 2M --direct-io=on --cache=unsafe
dmsetup remove logged
expect "$(after buffered-written 0)" = lost
expect "$(after buffered-flushed 0)" = kept
expect "$(after direct-written 1M)" = lost
expect "$(after direct-flushed 1M)" = kept
expect "$(after unsafe-written 2M)" = lost
expect "$(after unsafe-flushed 2M)" = lost
