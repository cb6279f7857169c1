#!/bin/sh
# SPDX-License-Identifier: MIT
#
# init.sh - process 1 of the virtual machine: prepare it, run one command, report how it ended, switch off
#
# The command's output goes through pipes to ports of their own, so that nothing of the kernel's gets in between, and so
# that /dev/stdout can be opened again as on any machine. Its exit status goes to a third port. A machine that does not
# write there has failed, whatever else it said; before the command it says "up" there. What is to be done stands in /vm, put there by "run".
#
# shellcheck disable=SC2154 # the names that begin with vm_ come from /vm/config

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=linux

mount_all() {
	mount -t devtmpfs dev /dev
	exec </dev/console >/dev/console 2>&1
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mount -t tmpfs -o mode=755 run /run
	mount -t tmpfs -o mode=1777 tmp /tmp
	mkdir /dev/pts /dev/shm
	mount -t devpts -o mode=620,ptmxmode=666 pts /dev/pts
	mount -t tmpfs -o mode=1777 shm /dev/shm
	mount -t debugfs debug /sys/kernel/debug
	mount -t cgroup2 cgroup /sys/fs/cgroup
	for controller in cpu cpuset io memory pids; do
		echo +$controller >/sys/fs/cgroup/cgroup.subtree_control
	done 2>/dev/null
}

make_links() {
	ln -s /proc/self/fd /dev/fd
	ln -s fd/0 /dev/stdin
	ln -s fd/1 /dev/stdout
	ln -s fd/2 /dev/stderr
	chown -R user:user /home/user
}

# Nodes that load their module when they are opened, as /dev/loop-control does; elsewhere systemd or kmod makes them
make_static_nodes() {
	grep -v '^#' "/lib/modules/$(uname -r)/modules.devname" | while read -r _ name device; do
		mkdir -p "/dev/$(dirname "$name")"
		type=${device%%[0-9]*} device=${device#?}
		test -e "/dev/$name" || mknod "/dev/$name" "$type" "${device%:*}" "${device#*:}"
	done
}

prepare() {
	ip link set lo up
	hostname vm
	test "$vm_tree" = no || { modprobe virtio_blk && modprobe erofs && mount -t erofs -o ro /dev/vda /tree; }
}

# find_port NAME - the device of the port that qemu calls so. Ports appear a moment after the driver.
find_port() {
	for _ in $(seq 100); do
		for name in /sys/class/virtio-ports/*/name; do
			test "$(cat "$name" 2>/dev/null)" = "$1" || continue
			echo "/dev/$(basename "$(dirname "$name")")"
			return
		done
		sleep 0.05
	done
	echo "init: there is no port '$1'" >&2
}

run_quietly() {
	mkfifo -m 666 /vm/out /vm/err
	cat </vm/out >"$(find_port out)" &
	carriers=$!
	if test "$vm_err" = apart; then
		cat </vm/err >"$(find_port err)" &
		carriers="$carriers $!"
		setsid sh /vm/command </dev/null >/vm/out 2>/vm/err
	else
		setsid sh /vm/command </dev/null >/vm/out 2>&1
	fi
	status=$?
	end_others
	drain
}

# Whoever still holds the pipes keeps their readers waiting
end_others() {
	for process in /proc/[0-9]*; do
		pid=${process#/proc/}
		case " 1 $carriers " in
		*" $pid "*) continue ;;
		esac
		# kernel threads have no program
		test ! -e "$process/exe" || kill -9 "$pid"
	done 2>/dev/null
}

# All output must be out before the status is. A process that the kernel never lets go would hold it for ever.
drain() {
	for _ in $(seq 50); do
		# shellcheck disable=SC2086 # one word for each process
		kill -0 $carriers 2>/dev/null || return 0
		sleep 0.1
	done
	echo "init: some process cannot be ended and holds the output open"
}

run_on_terminal() {
	stty -F /dev/hvc0 rows "$vm_rows" cols "$vm_columns"
	TERM=$vm_term setsid -c sh /vm/command </dev/hvc0 >/dev/hvc0 2>&1
	status=$?
}

# What is left to do is in units of /tests/systemd: the command, and what is said when everything has been stopped
become_systemd() {
	cp -r /tests/systemd/. /
	exec env -i TERM=linux /usr/lib/systemd/systemd
}

mount_all
# shellcheck disable=SC1091 # not there before the machine is
. /vm/config
status_port=$(find_port status)
echo up >"$status_port"
make_links
make_static_nodes
prepare
test "$vm_systemd" != yes || become_systemd
cd /root || exit
if test "$vm_shell" = yes; then
	run_on_terminal
else
	run_quietly
fi
echo "$status" >"$status_port"
sync
poweroff -f
