# SPDX-License-Identifier: MIT
about "a disk made with --root is spared by init, ends only when it is told to by its device, and never has anybody wait"

disk=$(ublk-mem 16M --root --name=root --background 2>"$case/said")
on_exit "ublk-ctl del root || true"
keeper=$(ublk-ctl list -n --raw -O keeper root)

# both NAME PATTERN - what the kernel tells of the keeper and of the one that serves now
both() {
	for pid in "$keeper" "$(ublk-ctl list -n --raw -O pid root)"; do
		tr '\0' '\n' <"/proc/$pid/$1" | grep -q "$2" || fail "$1 of process $pid has no $2"
	done
}
# as systemd looks who is to be spared, and what else is promised
check_processes() {
	both cmdline '^@'
	both status '^Uid:	0	0	0	0$'
	both oom_score_adj '^-1000$'
	both status '^VmLck:.*[1-9]'
	expect "$(readlink "/proc/$keeper/cwd")" = /
	expect "$(readlink "/proc/$keeper/ns/mnt")" != "$(readlink /proc/self/ns/mnt)"
	expect "$(readlink "/proc/$keeper/ns/mnt")" = "$(readlink "/proc/$(ublk-ctl list -n --raw -O pid root)/ns/mnt")"
	for fd in 0 1 2; do
		expect "$(stat -L -c %t:%T "/proc/$keeper/fd/$fd")" = 1:3	# /dev/null, of another mount namespace
	done
}
check_processes
# what it gives up besides, as any other
expect "$(ublk-ctl list -n --raw -O sandbox root)" = no_capabilities,no_new_privs,seccomp,landlock,restricted_rings

# nobody ends it, neither with one signal nor with many
serving=$(ublk-ctl list -n --raw -O pid root)
pattern 1M 1 | write_at "$disk" 0
for signal in TERM INT HUP QUIT PIPE TERM INT HUP TERM USR1; do
	kill -s "$signal" "$keeper" "$serving"
done
told() {
	kernel_log | grep -q 'ublk-mem\[.*reads'	# SIGUSR1, the last of them
}
wait_until 10 told
expect "$(ublk-ctl status root)" = live
expect "$(ublk-ctl list -n --raw -O pid root)" = "$serving"
expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"

# a server that died: another one, or none; nobody waits for ever
another() {
	test "$(ublk-ctl list -n --raw -O pid root)" != "$serving" && test "$(ublk-ctl status root)" = live
}
gone() {
	! ublk-ctl status root >/dev/null
}
allow_dmesg 'I/O error, dev ublkb'
kill -KILL "$serving"
if ublk-ctl features | grep -Eq 'USER_RECOVERY_FAIL_IO +[0-9.]+ +yes'; then
	wait_until 20 another
	check_processes
	expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
	ublk-ctl del root
else
	wait_until 20 gone
fi

# what was asked for counts, and such a disk stays so when it is upgraded or has another keeper
disk=$(cd "$case" && ublk-mem 16M --root --name=root --background --supervise)
keeper=$(ublk-ctl list -n --raw -O keeper root)
pattern 1M 1 | write_at "$disk" 0
ublk-ctl upgrade root
check_processes
kill -KILL "$keeper"
ublk-ctl adopt root
keeper=$(ublk-ctl list -n --raw -O keeper root)
check_processes
kill -TERM "$keeper"
expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
ublk-ctl del root
disk=$(ublk-mem 16M --root --name=root --background --user=1000)
expect "$(ublk-ctl list -n --raw -O uid root)" = 1000
ublk-ctl del root

# it goes with a command all the same, which has its own descriptors
expect "$(ublk-mem 16M --root -- sh -c 'echo "$UBLK_DEV"')" != ""
