# SPDX-License-Identifier: MIT
about "the device behind a disk hangs in the midst of I/O and the server is told to end: it gives up, says what is left, and when the device is back that can go"

requires dmsetup
export DM_DISABLE_UDEV=1 # nobody else makes the nodes
modprobe dm-mod
medium=$(losetup -f --show "$(scratch 8M)")
on_exit losetup -d "$medium"
pruned() { # as soon as the server has done what it hung in
	ublk-ctl prune && test ! -e "/sys/class/ublk-char/ublkc$1"
}
given_up() {
	server_said "$1" | grep -Eq "left behind.* 'ublk-ctl del"
}
dmsetup create hanging --table "0 16384 linear $medium 0"
on_exit 'DM_DISABLE_UDEV=1 dmsetup remove hanging'
disk=$(start_disk file /dev/mapper/hanging --stop-timeout=1 --direct-io=on --supervise)
dmsetup suspend --nolockfs --noflush hanging
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none 2>/dev/null &
dd=$!
wait_until 5 in_flight "$disk"
began=$(up)
kill -TERM "$(server_pid "$disk")"
kill -INT "$(server_pid "$disk")"
wait_until 20 given_up "$disk"
remark "longest: $(($(up) - began)) ms from the second signal to the last word, while the medium hangs"
expect "$(server_said "$disk" | grep -Ec 'killing the server process [0-9]+: it does not answer')" = 1
dmsetup resume hanging
expect "$(server_status "$disk")" = 1 # on 7.3 not before: its STOP_DEV holds it in the kernel
wait $dd || true
wait_until 10 pruned "${disk#/dev/ublkb}"
