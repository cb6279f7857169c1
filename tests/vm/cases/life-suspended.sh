# SPDX-License-Identifier: MIT
# long
# timeout: 300
# vm: --append hpet=disable
# kernels: <7.3
# vm-own
about "the machine sleeps under load and wakes up, several times: a mounted disk goes on, nothing that is written is lost, and it is removed as always"

# Linux 7.3 wakes up without the port that cases report through, also where there is no disk of ours

requires fio
clock=/sys/class/rtc/rtc0/wakealarm
grep -qs mem /sys/power/state && test -e $clock || skip "this kernel does not sleep, or nothing would wake it"
modprobe ext4
allow_dmesg 'Freezing .*(failed|aborted)' # the kernel gives up when a process waits for its disk, whose server it has frozen
disk=$(start_disk file "$(scratch 96M)" --queues=2)
mkfs.ext4 -q "$disk"
mount "$disk" /mnt
on_exit 'umount /mnt 2>/dev/null || true'
keep_writing() {
	while test ! -e "$case/enough"; do
		fio --name=load --directory=/mnt --rw=randwrite --bs=4k --iodepth=8 --ioengine=libaio --direct=1 --size=8M \
			--verify=crc32c --verify_fatal=1 --verify_state_save=0 >"$case/fio" 2>&1 || return 1
		echo pass >>"$case/passes"
	done
}
passes() {
	wc -l <"$case/passes"
}
more_passes() {
	test "$(passes)" -gt "$1"
}
: >"$case/passes"
keep_writing &
writer=$!
# The clock rings when the kernel has long slept, or given up. Without hpet=disable it would not be heard.
go_to_sleep() {
	echo 0 >$clock
	echo +10 >$clock
	cat /sys/power/wakeup_count >/sys/power/wakeup_count # from here on what rings keeps it awake
	echo mem >/sys/power/state
}
echo 4000 >/sys/power/pm_freeze_timeout
slept=0 refused=0
while test $slept -lt 3; do
	begun=$(passes)
	if go_to_sleep; then
		slept=$((slept + 1))
	else
		refused=$((refused + 1))
		expect $refused -lt 20
	fi
	kill -0 $writer || break
	wait_until 60 more_passes "$begun"
done
touch "$case/enough"
wait $writer || fail "fio has seen an error:
$(cat "$case/fio")"
expect "$(cat /sys/power/suspend_stats/success)" -ge 3
remark "slept $slept times, and could not $refused times"
umount /mnt
expect_status 0 e2fsck -fn "$disk"
stop_disk "$disk"
