# SPDX-License-Identifier: MIT
about "what happens just while the keeper becomes another program is not lost: its command's end, a user, a stop, its device's end"

requires strace without-syscall

EXECVEAT=$(without-syscall execveat) SOCKETPAIR=$(without-syscall socketpair)

# slowly PID INJECTION... - its system calls take their time
slowly() {
	local pid="$1"

	shift
	strace -qq -o /dev/null -p "$pid" "$@" 2>/dev/null &
	wait_until 10 grep -q 'TracerPid:.*[1-9]' "/proc/$pid/status"
}
# is_in CALL PID
is_in() {
	test "$(cut -d ' ' -f 1 "/proc/$2/syscall")" = "$1"
}
tries() {
	tried=$(awk '{ print $NF }' "/proc/$1/task/$1/children")
	is_in $EXECVEAT "$tried"
}
has_no_name() {
	test "$(cat "/proc/$1/comm")" != ublk-mem
}

# the command ends while the other program is tried
mkfifo "$case/go"
# shellcheck disable=SC2016 # the inner shell expands
ublk-null --supervise -- sh -c 'echo $UBLK_DEV $PPID >"$0/where"; read -r _ <"$0/go"; exit 33' "$case" &
server=$!
wait_until 10 test -s "$case/where"
read -r disk keeper <"$case/where"
slowly "$keeper" -f -e trace=execveat -e inject=execveat:delay_enter=3000000
ublk-ctl upgrade "$disk" &
upgrade=$!
wait_until 20 tries "$keeper"
echo >"$case/go"
wait "$server" && status=0 || status=$?
expect "$status" = 33
expect ! -e "$disk"
wait "$upgrade" && fail "it is said to have been upgraded"

# the only user of a disk that goes with the last
disk=$(start_disk mem 16M --supervise --autoclear --queues 1)
keeper=$(server_pid "$disk")
slowly "$keeper" -e trace=execveat -e inject=execveat:delay_enter=3000000
ublk-ctl upgrade "$disk" &
upgrade=$!
wait_until 20 is_in $EXECVEAT "$keeper"
pattern 4K 1 | write_at "$disk" 0
expect "$(server_status "$disk")" = 0
wait "$upgrade" || true

# somebody stops it when the old server is about to be dismissed
disk=$(start_disk mem 16M --supervise --queues 1 --save="$case/saved")
pattern 1M 1 | write_at "$disk" 0
keeper=$(server_pid "$disk")
slowly "$keeper" -e trace=socketpair -e inject=socketpair:delay_enter=3000000
ublk-ctl upgrade "$disk" &
upgrade=$!
wait_until 20 is_in $SOCKETPAIR "$keeper"
ublk-ctl stop "$disk"
expect "$(server_status "$disk")" = 0
expect "$(read_at "$case/saved" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
wait "$upgrade" && fail "it is said to have been upgraded"

# it is deleted when the new program has yet to look at it
disk=$(start_disk mem 16M --supervise --queues 1 --save="$case/deleted" --pidfile="$case/pid")
pattern 1M 2 | write_at "$disk" 0
keeper=$(server_pid "$disk")
slowly "$keeper" -e trace=execveat -e inject=execveat:delay_exit=3000000
ublk-ctl upgrade "$disk" &
upgrade=$!
wait_until 20 has_no_name "$keeper"
ublk-ctl del "$disk"
expect "$(server_status "$disk")" = 0
expect "$(read_at "$case/deleted" 0 1M | sum)" = "$(pattern 1M 2 | sum)"
expect ! -e "$case/pid"
wait "$upgrade" || true
# timeout: 180
