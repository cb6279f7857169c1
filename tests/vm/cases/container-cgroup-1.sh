# SPDX-License-Identifier: MIT
about "the device cgroup of version 1 is asked just as that of version 2: nodes that it forbids are refused before there is a device"

requires capsh
modprobe ublk_drv
mkdir "$case/devices" "$case/dev"
mount -t cgroup -o devices devices "$case/devices" || skip "this kernel has no device cgroup of version 1"
on_exit umount "$case/devices"
mkdir "$case/devices/ublk"
on_exit rmdir "$case/devices/ublk"
number=$(cat /sys/class/misc/ublk-control/dev)
mknod "$case/dev/ublk-control" c "${number%:*}" "${number#*:}"
major=$(awk '$2 == "ublk-char" { print $1 }' /proc/devices)

# within CMD... - in that cgroup, as root without CAP_SYS_ADMIN
within() {
	sh -c 'echo $$ >"$0/cgroup.procs" && shift 0 && exec capsh --drop=cap_sys_admin -- -c "$*"' "$case/devices/ublk" "$@"
}
echo a >"$case/devices/ublk/devices.deny"
echo 'c *:* m' >"$case/devices/ublk/devices.allow"
echo 'b *:* m' >"$case/devices/ublk/devices.allow"
echo 'c 1:* rwm' >"$case/devices/ublk/devices.allow"
expect_status 3 within ublk-mem 16M --dev-dir="$case/dev"
expect_said "cannot open $case/dev/ublk-control: Operation not permitted" 'start the container with --device=/dev/ublk-control'
echo "c $number rwm" >"$case/devices/ublk/devices.allow"
expect_status 3 within ublk-mem 16M --dev-dir="$case/dev"
expect_said 'the device cgroup forbids the nodes' "--device-cgroup-rule='c $major:\* rmw'"
expect "$(ls /sys/class/ublk-char)" = ""
echo "c $major:* rwm" >"$case/devices/ublk/devices.allow"
echo 'b 259:* rwm' >"$case/devices/ublk/devices.allow"
expect_status 0 within ublk-mem 16M --dev-dir="$case/dev" -- true
expect "$(ls "$case/dev")" = ublk-control
