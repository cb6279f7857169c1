# SPDX-License-Identifier: MIT
about "ublk-ctl check finds each lock that is shut on a machine, says how to open it, and ends with exit status 1"

requires without-syscall
modprobe ublk_drv

# shut NAME DETAIL REMEDY CMD... - and nothing else fails
shut() {
	local name="$1" detail="$2" remedy="$3"

	shift 3
	expect_status 1 "$@"
	expect_said "^FAIL  $name +$detail" "^ +-> $remedy"
	expect "$(grep -c '^FAIL' "$case/said")" = 1
}

# warned NAME DETAIL REMEDY CMD...
warned() {
	local name="$1" detail="$2" remedy="$3"

	shift 3
	expect_status 0 "$@"
	expect_said "^WARN  $name +$detail" "^ +-> $remedy"
}

shut control 'cannot open /dev/ublk-control: Permission denied' 'it belongs to user 0 and group 0, mode 0600; run as root' \
	as_user ublk-ctl check
mkdir "$case/dev"
shut control "the driver is there, but not its node $case/dev/ublk-control" 'in a container, start it with --device' \
	ublk-ctl check --dev-dir="$case/dev"

chmod 666 /dev/ublk-control
on_exit chmod 600 /dev/ublk-control
warned rights 'no CAP_SYS_ADMIN: disks of a user only' 'such a disk works, but only root mounts it' as_user ublk-ctl check
# without_rules CMD... - as user 1000 where nobody has installed them
without_rules() {
	unshare -m sh -c 'mount -t tmpfs none /usr/lib/udev && exec setpriv --reuid=1000 --regid=1000 --clear-groups "$@"' sh "$@"
}
mkdir -p /usr/lib/udev
warned udev 'there is no 60-ublk.rules here' 'install it on the machine' without_rules ublk-ctl check
warned rights 'in a user namespace: disks of a user only' 'such a disk' as_user unshare --user --map-root-user ublk-ctl check
mkdir -p /run/udev/rules.d
on_exit rm -rf /run/udev
: >/run/udev/rules.d/60-ublk.rules
expect_status 0 without_rules ublk-ctl check
expect_said '^PASS  udev +/run/udev/rules.d/60-ublk.rules'

if test -e /proc/sys/kernel/io_uring_disabled; then
	on_exit "echo 0 >/proc/sys/kernel/io_uring_disabled"
	echo 2 >/proc/sys/kernel/io_uring_disabled
	shut io_uring '.*sysctl kernel.io_uring_disabled=2' 'as root: sysctl kernel.io_uring_disabled=0' ublk-ctl check
	echo 0 >/proc/sys/kernel/io_uring_disabled
fi
shut io_uring '.*a seccomp profile blocks it' 'allow io_uring_setup, .*that of docker' \
	without-syscall io_uring_setup 1 ublk-ctl check
shut io_uring '.*a seccomp profile blocks it' 'allow io_uring_setup, .*that of podman' \
	without-syscall io_uring_setup 38 ublk-ctl check
shut io_uring '.*this kernel was built without it' 'ublk needs CONFIG_IO_URING' \
	strace -f -o /dev/null -e inject=io_uring_setup:error=ENOSYS ublk-ctl check

shut memory '[0-9.]+[MG] can be taken' '1000G is more: raise the memory of the machine' ublk-ctl check --size=1000G
expect_status 0 ublk-ctl check --size=16M
warned limits '16 open files' 'raise the limit of open files' prlimit --nofile=16 ublk-ctl check

slots=/sys/module/ublk_drv/parameters/ublks_max
on_exit "echo $(cat $slots) >$slots"
disk=$(start_disk null)
echo 1 >$slots
warned devices '1, of which 0 dead' 'all 1 slots may be taken: ublk-ctl prune' as_user ublk-ctl check
kill_both "$disk"
warned devices '1, of which 1 dead and without a server' 'ublk-ctl prune' ublk-ctl check
ublk-ctl prune

remove_driver
expect_status 1 unshare -m sh -c 'mount -t tmpfs none /usr/lib/modules && exec ublk-ctl check'
expect_said '^FAIL  driver    ublk_drv is not loaded and could not be: this kernel has no such module' \
	'-> as root: modprobe ublk_drv' '^FAIL  control   not there without the driver' '^WARN  nodes'
expect_status 0 ublk-ctl check
expect_said '^PASS  driver    ublk_drv was not loaded; it is now'
