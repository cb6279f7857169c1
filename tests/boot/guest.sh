#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
#
# guest.sh - what is claimed of units and of udev, inside a machine that systemd has booted
#
# Each claim is a function. The last ones are judged when the machine is about to be switched off: by last.sh.

here=$(dirname "$0")
# shellcheck source=tests/vm/lib.sh
. /tests/lib.sh

# --- words

# property UNIT NAME
property() {
	systemctl show --property="$2" --value "$1"
}

is() {
	test "$(property "$1" "$2")" = "$3"
}

# unit_said UNIT PATTERN
unit_said() {
	journalctl --sync && journalctl --no-pager -o cat -u "$1" | grep -Eq -e "$2"
}

# --- claims

mounted_at_boot() {
	systemctl start scratch.mount data.mount app.mount # they may be on their way still
	echo fleeting >/scratch/note
	expect "$(cat /data/note)" = "from the host"
	expect "$(cat /app/app/note)" = "in the archive"
	expect "$(systemctl is-enabled ublk-mem@scratch)" = enabled
	expect "$(systemctl list-units --failed --plain --no-legend)" = ""
}

# What the units forbid must leave what servers confine themselves with
servers_are_confined() {
	for disk in scratch data app; do
		expect "$disk: $(ublk-ctl list -n --raw -O sandbox "$disk")" = \
			"$disk: no_capabilities,no_new_privs,seccomp,landlock,restricted_rings"
		# of which there is one more than the unit's own
		expect "$(filters "$(ublk-ctl list -n --raw -O pid "$disk")")" -gt "$(filters "$(ublk-ctl list -n --raw -O keeper "$disk")")"
	done
}
filters() {
	awk '/^Seccomp_filters:/ { print $2 }' "/proc/$1/status"
}

stop_unmounts_first() {
	systemctl stop ublk-mem@scratch
	expect "$(property scratch.mount ActiveState)" = inactive
	expect "$(property ublk-mem@scratch Result)" = success
	expect ! -e /dev/disk/by-ublk/scratch
	! unit_said ublk-mem@scratch "in use" || fail "it was asked to stop while it was mounted"
	systemctl start ublk-mem@scratch
	wait_until 20 is scratch.mount ActiveState active
	expect ! -e /scratch/note
}

stop_waits_for_others() {
	systemctl start ublk-mem@hand
	mkfs.ext4 -q /dev/disk/by-ublk/hand
	mount /dev/disk/by-ublk/hand /mnt
	systemctl --no-block stop ublk-mem@hand
	wait_until 20 unit_said ublk-mem@hand "in use \(mounted at /mnt\)"
	expect "$(property ublk-mem@hand ActiveState)" = deactivating
	echo still >/mnt/note
	umount /mnt
	wait_until 20 is ublk-mem@hand ActiveState inactive
	expect "$(property ublk-mem@hand Result)" = success
}

killed_comes_back() {
	for restarts in 1 2 3; do
		echo fleeting >/scratch/note
		kill -9 "$(property ublk-mem@scratch MainPID)"
		wait_until 30 is ublk-mem@scratch NRestarts $restarts
		wait_until 30 is ublk-mem@scratch ActiveState active
		wait_until 30 is scratch.mount ActiveState active
		expect ! -e /scratch/note
	done
	# shellcheck disable=SC2012 # names of devices
	expect "$(ls /sys/class/ublk-char | wc -l)" = 3
}

# killed UNIT - both of its processes; and it goes on by itself, as the same process
killed() {
	keeper=$(property "$1" MainPID)
	restarts=$(property "$1" NRestarts)
	expect "$(property "$1" NFileDescriptorStore)" -gt 0
	# shellcheck disable=SC2046 # a list
	kill -9 "$keeper" $(cat "/proc/$keeper/task/$keeper/children")
	wait_until 30 is "$1" NRestarts $((restarts + 1))
	wait_until 30 is "$1" ActiveState active
	expect "$(property "$1" MainPID)" = "$keeper"
}

# kept UNIT NAME - with a file system under a load that verifies
kept() {
	systemctl start "$1"
	mkfs.ext4 -q "/dev/disk/by-ublk/$2"
	mount "/dev/disk/by-ublk/$2" /mnt
	fio --name=load --filename=/mnt/load --rw=randwrite --bs=4k --iodepth=16 --ioengine=libaio --direct=1 --size=8M \
		--verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 --time_based --runtime=15 >"$case/fio" 2>&1 &
	fio=$!
	killed "$1"
	ublk-ctl upgrade "$2"
	expect "$(property "$1" MainPID)" = "$keeper"
	expect "$(property "$1" ActiveState)" = active
	killed "$1"
	wait $fio || fail "fio has seen an error: $(cat "$case/fio")"
	umount /mnt
	e2fsck -fn "/dev/disk/by-ublk/$2" >/dev/null
	systemctl stop "$1"
	nothing_of "$1" "$2"
}
nothing_of() {
	expect "$(property "$1" Result)" = success
	expect "$(property "$1" NFileDescriptorStore)" = 0
	expect ! -e "/dev/disk/by-ublk/$2"
	# shellcheck disable=SC2012 # names of devices
	expect "$(ls /sys/class/ublk-char | wc -l)" = 3
}
goes_on_in_memory() { kept ublk-mem@kept kept; }
goes_on_of_a_file() { kept ublk-file@kept-file kept-file; }
goes_on_of_an_archive() {
	systemctl start ublk-zip@kept-zip
	mount -t erofs /dev/disk/by-ublk/kept-zip /mnt
	killed ublk-zip@kept-zip
	expect "$(cat /mnt/app/note)" = "in the archive"
	umount /mnt
	systemctl stop ublk-zip@kept-zip
	nothing_of ublk-zip@kept-zip kept-zip
}

wrong_usage_fails_for_good() {
	! systemctl start ublk-mem@wrong || fail "it was started"
	expect "$(property ublk-mem@wrong ActiveState)" = failed
	expect "$(property ublk-mem@wrong ExecMainStatus)" = 2
	expect "$(property ublk-mem@wrong NRestarts)" = 0
	wait_until 20 unit_said ublk-mem@wrong "no-such-option" # as soon as the journal has it
	systemctl reset-failed ublk-mem@wrong
}

# The group is that of systemd/ublk.sysusers
users_make_disks() {
	for _ in 1 2 3 4 5; do
		# shellcheck disable=SC2016 # the inner shell expands
		setpriv --reuid=1000 --regid=1000 --groups="$(awk -F : '$1 == "ublk" { print $3 }' /etc/group)" \
			ublk-mem 16M -- sh -c 'mkfs.ext4 -q "$UBLK_DEV"'
	done
}

# --- all of them

# claim FUNCTION WHAT
claim() {
	# a shell of its own: in a condition, "set -e" would be without effect
	if timeout 120 sh -eu "$0" "$1" >"$case/output" 2>&1; then
		echo "ok $2"
	else
		echo "not ok $2"
		{
			cat "$case/output"
			journalctl --no-pager -n 60
		} | sed 's/^/    /'
		status=1
	fi
}

if test $# = 1; then
	"$1"
	exit
fi
case=$(mktemp -d)
export case
status=0
claim mounted_at_boot "disks of memory, of a file and of an archive are there and mounted when the machine has booted"
claim servers_are_confined "servers that are units are confined as others are"
claim stop_unmounts_first "'systemctl stop' of a disk unmounts it first, and a new one gets a file system"
claim stop_waits_for_others "'systemctl stop' of a disk that somebody else has mounted waits, and says for what"
claim killed_comes_back "a disk whose server was killed comes back, mounted, and the dead one is gone"
for kind in in_memory of_a_file of_an_archive; do
	claim goes_on_$kind "a disk $(echo $kind | tr _ ' ') goes on when both of its processes are killed, and leaves nothing when it is stopped"
done
claim wrong_usage_fails_for_good "a unit with wrong options fails once, with our message and our exit status"
claim users_make_disks "a user in group ublk makes and removes five disks in a row, as udev looks on"
echo kept >/data/kept
cp "$here/last.sh" /run/vm.last
echo "guest.sh: the end begins" >/dev/kmsg
exit $status
