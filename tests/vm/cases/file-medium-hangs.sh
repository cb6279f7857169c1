# SPDX-License-Identifier: MIT
about "the device behind a disk hangs in the midst of I/O and the server is told to end: it does, says what is left, and when the device is back that can go"

requires dmsetup
export DM_DISABLE_UDEV=1 # nobody else makes the nodes
modprobe dm-mod
medium=$(losetup -f --show "$(scratch 8M)")
on_exit losetup -d "$medium"
up() {
	awk '{ print int($1 * 1000) }' /proc/uptime
}
gone() {
	test ! -e "/sys/class/ublk-char/ublkc$1"
}
dmsetup create hanging --table "0 16384 linear $medium 0"
on_exit 'DM_DISABLE_UDEV=1 dmsetup remove hanging'
for options in --direct-io=on "--direct-io=on --supervise"; do
	# shellcheck disable=SC2086 # several words
	disk=$(start_disk file /dev/mapper/hanging --stop-timeout=1 $options)
	dmsetup suspend --nolockfs --noflush hanging
	dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null &
	dd=$!
	wait_until 5 in_flight "$disk"
	began=$(up)
	kill -TERM "$(server_pid "$disk")"
	kill -INT "$(server_pid "$disk")"
	expect "$(server_status "$disk")" = 1
	took=$(($(up) - began))
	expect $took -le 20000
	remark "longest: $took ms from the second signal to the end, while the medium hangs"
	server_said "$disk" >"$case/said"
	expect_said "killing the server process [0-9]+: it does not answer" "left behind; run 'ublk-ctl del"
	dmsetup resume hanging
	wait $dd || true
	ublk-ctl prune
	wait_until 10 gone "${disk#/dev/ublkb}"
done
