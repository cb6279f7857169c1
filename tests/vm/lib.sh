# shellcheck shell=dash disable=SC2154 # $case, $before and $runner_session come from run-cases
# SPDX-License-Identifier: MIT
#
# lib.sh - the words that cases are written in; run-cases has read it before a case begins
#
# A case runs under "set -eu" in a session of its own. $case is a directory for its files, removed afterwards. What the
# functions need to remember is kept in files there, so that they also work inside $( ). Complaints go to standard
# error; run-cases shows them when the case fails.

# --- what the case says of itself

# about TEXT - the claim that this case proves
about() {
	echo "$*" >"$case/about"
}

# skip WHY - this machine cannot prove it
skip() {
	echo "$*" >"$case/skip"
	exit 77
}

# remark TEXT - something that was seen and is worth a line of its own, which begins with "#"
remark() {
	echo "$*" >>"$case/remarks"
}

# counted_as N WHAT - how many of what this case has done; "make test-faults" adds them up
counted_as() {
	remark "$@"
}

requires() {
	local name

	for name; do
		command -v "$name" >/dev/null || skip "there is no $name here"
	done
}

# requires_module NAME - of this kernel
requires_module() {
	grep -q "/$1\.ko" "/lib/modules/$(uname -r)/modules.dep" || skip "this kernel has no module $1"
}

# remove_driver - as it is before anybody has asked for it
remove_driver() {
	test ! -e /sys/module/ublk_drv || test -e /sys/module/ublk_drv/refcnt ||
		skip "ublk_drv cannot be removed: it is part of this kernel"
	wait_until 10 driver_removed # a device that was just deleted holds it for a moment
}
driver_removed() {
	test ! -e /sys/module/ublk_drv || rmmod ublk_drv
}

# --- what must be true

fail() {
	echo "$*" >&2
	exit 1
}

# expect A = B - any expression of test(1)
expect() {
	test "$@" && return
	{
		echo "expected:" "$@"
		test $# != 3 || printf '  first:  %s\n  second: %s\n' "$1" "$3"
	} >&2
	exit 1
}

# expect_status N CMD... - what CMD says is kept for expect_said
expect_status() {
	local expected="$1" seen

	shift
	"$@" >"$case/said" 2>&1 && seen=0 || seen=$?
	test "$seen" = "$expected" && return
	fail "expected exit status $expected, saw $seen from: $*
$(cat "$case/said")"
}

# expect_said PATTERN... - each extended regular expression is found in what expect_status heard
expect_said() {
	local pattern

	for pattern; do
		grep -Eq -e "$pattern" "$case/said" || fail "expected words like '$pattern', heard:
$(cat "$case/said")"
	done
}

# wait_until SECONDS CMD... - for what the kernel does in its own time, and for nothing else: our own programs say when
# they are ready. SECONDS is what it takes at most where there is nothing else to do; three times that is waited. CMD is
# run again and again, but its words stay what they are: a $( ) or a pattern among them is expanded only once.
wait_until() {
	local tries=$(($1 * 60))

	shift
	while ! "$@"; do
		tries=$((tries - 1))
		test $tries -gt 0 || fail "never came true: $*"
		sleep 0.05
	done
}

# --- cleaning up

# on_exit CMD... - run it when the case is over, last one first, whatever the outcome. One word is a line for the shell.
on_exit() {
	if test $# = 1; then
		echo "$1"
	else
		quoted "$@"
	fi >>"$case/on_exit"
}

# The words, so that a shell reads exactly these
quoted() {
	local word

	for word; do
		printf '%s\n' "$word" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/"
	done | tr '\n' ' '
	echo
}

# allow_dmesg PATTERN - lines of the kernel's log that are to be expected here
allow_dmesg() {
	echo "$1" >>"$case/allowed"
}

# up - milliseconds since the machine began, whatever happens to its clock
up() {
	awk '{ print int($1 * 1000) }' /proc/uptime
}

# page_kib - a page of this machine, in KiB
page_kib() {
	awk '/^KernelPageSize/ { print $2; exit }' /proc/self/smaps
}

# idle_kib - what a disk may take that holds nothing: 1 MiB, which is not many pages where each has 16 KiB
idle_kib() {
	if test "$(page_kib)" = 4; then echo 1024; else echo 1536; fi
}

# --- bytes

# scratch SIZE - a file in memory, sparse
scratch() {
	local file

	file=$(mktemp "$case/scratch.XXXXXX")
	truncate -s "$1" "$file"
	echo "$file"
}

# pattern SIZE [SEED] - text that names its seed, page and sector in each sector, so that nothing fits anywhere else
pattern() {
	local page=0 length format

	length=$(in_bytes "$1")
	format=$(page_format "${2:-0}")
	while test $((page * 4096)) -lt "$length"; do
		# shellcheck disable=SC2059 # the page as a format, with its number to be filled in eight times
		printf "$format" $page $page $page $page $page $page $page $page
		page=$((page + 1))
	done | head -c "$length"
}

# Every sector ends with a newline, which is written \n here: the last one would not survive $( ).
page_format() {
	local filler sector

	filler=$(printf '%0487d' 0 | tr 0 "$(printf '%s' "$1" | md5sum | cut -c 1)")
	for sector in 0 1 2 3 4 5 6 7; do
		printf '%-8.8s %%012d %d %s\\n' "$1" $sector "$filler"
	done
}

in_bytes() {
	case $1 in
	*K) echo $((${1%K} * 1024)) ;;
	*M) echo $((${1%M} * 1048576)) ;;
	*G) echo $((${1%G} * 1073741824)) ;;
	*) echo "$1" ;;
	esac
}

sum() {
	md5sum | cut -d ' ' -f 1
}

# write_at FILE OFFSET - standard input, through to the medium. Never makes a file: a disk may have gone meanwhile.
write_at() {
	dd of="$1" bs=1M oflag=seek_bytes seek="$(in_bytes "$2")" iflag=fullblock conv=notrunc,nocreat,fsync status=none
}

# read_at FILE OFFSET LENGTH - from the medium, not from what the kernel remembers of it
read_at() {
	test ! -b "$1" || blockdev --flushbufs "$1"
	dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip="$(in_bytes "$2")" count="$(in_bytes "$3")" status=none
}

# manifest DIR - everything in it: names, modes, targets of links, and what is in the files
manifest() {
	(
		cd "$1" || exit
		find . -path ./lost+found -prune -o -print0 | sort -z | xargs -0 stat -c '%n %f %N' | sum
		find . -type f -print0 | sort -z | xargs -0 md5sum | sum
	)
}

# holds_the_tree DISK - which has a file system: /tree is copied to it, and is there when it was mounted anew
holds_the_tree() {
	mkdir -p /mnt
	mount "$1" /mnt
	on_exit "umount /mnt 2>/dev/null || true"
	cp -a /tree/. /mnt/
	umount /mnt
	mount -o ro "$1" /mnt
	expect "$(manifest /mnt)" = "$(manifest /tree)"
	umount /mnt
}

flush() {
	sync "$1"
}

# --- disks

# start_disk APPLET ARG... - start ublk-APPLET, wait for the line that says that the disk is there, print it
#
# The words in $start_with go before the program: as_user, "prlimit --nofile=16", "strace -f -o file".
start_disk() {
	local server disk

	server=$(mktemp -d "$case/server.XXXXXX")
	chmod 777 "$server" # as_user writes to it
	mkfifo "$server/ready"
	serve "$@" &
	on_exit end_server "$server"
	# no waiting: either the line comes, or the end of the file when the program ends without one
	if ! read -r disk <"$server/ready"; then
		fail "ublk-$* ended with exit status $(cat "$server/status") before there was a disk:
$(cat "$server/stderr")"
	fi
	test -b "$disk" || fail "ublk-$* said '$disk', which is no block device"
	ln -sfn "$server" "$case/${disk##*/}"
	echo "$disk"
}

# The lock on descriptor 9 tells others, for as long as it is held, that the server lives.
serve() {
	local applet="$1" status

	shift
	# with exec, or the shell would keep the old output open, and the $( ) around start_disk would never end
	exec >"$server/ready" 2>"$server/stderr" 9>"$server/alive"
	flock 9
	# shellcheck disable=SC2016,SC2086 # the inner shell expands; $start_with is several words
	${start_with:-} sh -c 'echo $$ >"$1" && shift && exec "$@"' sh "$server/pid" "ublk-$applet" "$@" 9>&- &&
		status=0 || status=$?
	echo "$status" >"$server/status"
}

# server_of DISK - where start_disk keeps what it knows
server_of() {
	test -e "$case/${1##*/}/pid" || fail "this case has not started $1"
	echo "$case/${1##*/}"
}

# server_pid DISK - the process that was started: the keeper
server_pid() {
	cat "$(server_of "$1")/pid"
}

# worker_pid DISK - its child, which serves
worker_pid() {
	local keeper

	keeper=$(server_pid "$1")
	cut -d ' ' -f 1 "/proc/$keeper/task/$keeper/children"
}

# kill_worker DISK - shoot the process that serves it, as soon as another does than was shot last. One that is just
# taking over is spared: before Linux 7.0 the driver would not have another after that.
kill_worker() {
	wait_until 60 another_serves "$1" "${shot:-}"
	kill -KILL "$serving"
	shot=$serving
}
another_serves() {
	serving=$(ublk-ctl list -n --raw -O pid,state "$1" | sed -n 's/^\([0-9]*\) live$/\1/p')
	test -n "$serving" && test "$serving" != "$2"
}

# server_said DISK - its standard error up to now
server_said() {
	cat "$(server_of "$1")/stderr"
}

# server_status DISK - wait for its end, at most 30 seconds, and print its exit status
server_status() {
	timeout 30 flock "$(server_of "$1")/alive" cat "$(server_of "$1")/status" ||
		fail "the server of $1 has not ended within 30 seconds"
}

# has_written DISK N - more requests than that have written to it
has_written() {
	test "$(awk '{ print $5 }' "/sys/block/${1#/dev/}/stat")" -gt "$2"
}

# in_flight DISK - somebody waits for it
in_flight() {
	test "$(awk '{ print $1 }' "/sys/block/${1#/dev/}/inflight")" != 0
}

# stop_disk DISK - as a user would; it must end well
stop_disk() {
	local status

	kill -TERM "$(server_pid "$1")"
	status=$(server_status "$1")
	test "$status" = 0 || fail "the server of $1 ended with exit status $status:
$(server_said "$1")"
}

# counted DISK NAME - a number of ublk-ctl stats
counted() {
	ublk-ctl stats --json "$1" | grep -o "\"$2\": [0-9]*" | head -n 1 | cut -d ' ' -f 2
}

# kill_server DISK - shoot its keeper, with which the process that serves it ends, and wait until both have ended
kill_server() {
	local worker

	worker=$(worker_pid "$1")
	kill -KILL "$(server_pid "$1")"
	server_status "$1" >/dev/null
	wait_until 10 has_ended "$worker"
}

# kill_both DISK - the same, of a disk that would be served on without its keeper
kill_both() {
	kill -STOP "$(server_pid "$1")" # it shall not start another
	kill -KILL "$(worker_pid "$1")"
	kill_server "$1"
}

# has_ended PID - and whoever started it has seen that
has_ended() {
	! kill -0 "$1" 2>/dev/null
}

# end_server SERVER - for on_exit. One that was still running must end well, or the case has failed.
end_server() {
	test ! -s "$1/status" || return 0
	kill -TERM "$(cat "$1/pid")"
	timeout 25 flock "$1/alive" true || {
		echo "a server did not end within 25 seconds of SIGTERM" | tee -a "$case/complaints"
		kill -KILL "$(cat "$1/pid")"
		return
	}
	test "$(cat "$1/status")" = 0 || {
		echo "a server ended with exit status $(cat "$1/status") on SIGTERM:"
		cat "$1/stderr"
	} | tee -a "$case/complaints"
}

# let_users_in - everybody may talk to the driver, and the nodes of disks that come from now on go to whom as_user is
let_users_in() {
	requires hand-over
	modprobe ublk_drv
	chmod 666 /dev/ublk-control
	on_exit chmod 600 /dev/ublk-control
	mkfifo "$case/watching"
	hand-over 1000 >"$case/watching" &
	on_exit kill $!
	read -r _ <"$case/watching"
}

# start_udev - a udevd with the rules of this machine and ours, until the case ends
start_udev() {
	requires udevadm
	/usr/lib/systemd/systemd-udevd --daemon
	on_exit "udevadm settle; udevadm control --exit; wait_until 10 rm -rf /run/udev /dev/disk" # a worker may still tidy up
	on_exit "chgrp root /dev/ublk-control && chmod 600 /dev/ublk-control"
	modprobe ublk_drv
	udevadm trigger --settle --sysname-match=ublk-control
}

# as_user CMD... - without any right
as_user() {
	setpriv --reuid=1000 --regid=1000 --clear-groups "$@"
}

# --- what is left behind

# leftovers - print what was not there when the case began
leftovers() {
	state >"$case/state"
	# servers' own directories and the like are in $case, which is removed as a whole
	grep -vxF -f "$before" "$case/state" || true
	kernel_complaints
}

# Everything that a case could leave behind, a line each, sorted
state() {
	{
		nodes
		processes
		find /run /tmp /dev/shm -mindepth 1 ! -path "$case" ! -path "$case/*" | sed 's/^/file /'
		sed 's/^\([^ ]*\) \([^ ]*\) .*/mount \2 \1/' /proc/self/mounts
		awk 'NR > 1 { print "swap", $1 }' /proc/swaps
		find /sys/fs/cgroup -mindepth 1 -type d | sed 's/^/cgroup /'
	} | sort
}

nodes() {
	local node

	for node in /dev/ublkb* /dev/ublkc* /sys/class/ublk-char/* /sys/block/ublkb* /sys/block/loop*/loop; do
		test ! -e "$node" || echo "device $node"
	done
}

# All programs, except the session of run-cases and, when a case asks, itself: of its own it wants to see the servers
processes() {
	local own_session pid session exe

	own_session=$(sessions | awk -v pid="$$" '$1 == pid { print $2 }')
	sessions | while read -r pid session; do
		exe=$(readlink "/proc/$pid/exe") || continue
		case $session:$exe in
		"$runner_session":*) continue ;;
		"$own_session":*/ublk*) ;;
		"$own_session":*) continue ;;
		esac
		echo "process $pid $(tr '\0' ' ' <"/proc/$pid/cmdline" | head -c 100)"
	done 2>/dev/null
}

# Every program and its session, a line each. Kernel threads have none. The second field of stat may hold anything, but
# its end is the last parenthesis of the line.
sessions() {
	cat /proc/[0-9]*/stat 2>/dev/null | awk '{ pid = $1; sub(/.*\) /, ""); if ($4) print pid, $4 }'
}

# The kernel's log since the case began, if there is anything in it that should not be
kernel_complaints() {
	kernel_log | grep -Ev -f "$case/allowed" -e "$kernel_own" | grep -E -A 30 "$kernel_alarms" | sed 's/^/kernel: /'
}

# Linux 7.3, rarely: a worker of the kernel tears down the io_uring of a server that was killed, and the driver warns
# because it expects to see the server itself there. Nothing follows from it, and nobody can keep it from happening.
# Linux on aarch64: of a thread that is killed where a tracer holds it, the filter is asked about a call that is not made.
kernel_own='WARNING: drivers/block/ublk_drv.c:[0-9]+ at ublk_ch_uring_cmd\+|audit: type=1326.* syscall=-1 '

# 1326: a system call that the sandbox has no room for, and a server that was killed for it
kernel_alarms='WARNING|BUG|Oops|hung_task|blocked for more than|general protection|UBSAN|KASAN|audit: type=1326|SECCOMP'

kernel_log() {
	dmesg | awk -v mark="$case begins" 'index($0, mark) { n = 0; next } { line[n++] = $0 }
		END { for (i = 0; i < n; i++) print line[i] }'
}
