# SPDX-License-Identifier: MIT
# timeout: 300
about "a server that has been taken over is killed for any system call but a few, its io_uring refuses all but a few, and the disk goes on"

requires ublk-shellcode without-syscall
allow_dmesg 'audit: type=1326'

# try syscall|ring WORD... - what came of it: a number, or "dead"
try() {
	echo >>"$case/serial" # a line each: what $( ) counts is forgotten
	printf '%-4096s' "$(wc -l <"$case/serial") $*" >"$case/command"
	write_at "$disk" 65536 <"$case/command"
	wait_until 10 answered
	read_at "$disk" 131072 64 | head -n 1
}

answered() {
	test "$(read_at "$disk" 131072 8 | head -c 7)" != waiting
}

# Not confined it does what it is told: what follows would be seen
disk=$(start_disk shellcode --sandbox=off --queues=1)
case $(try syscall openat -100 /etc/passwd 0) in
'returned '[0-9]*) ;;
*) fail "nothing comes of system calls: $(try syscall openat -100 /etc/passwd 0)" ;;
esac
expect "$(try ring 0 -1 0 0 0 0)" = 'returned 0'
stop_disk "$disk"

lives=0
new_disk() {
	disk=$(start_disk shellcode --supervise --queues=1)
	lives=0
}
new_disk
expect "$(try syscall clock_gettime 1 @)" = 'returned 0'
while read -r call; do
	# five that die soon one after the other are given up
	test $lives -lt 4 || {
		stop_disk "$disk"
		new_disk
	}
	before=$(worker_pid "$disk")
	seen=$(try syscall "$call")
	case $seen in
	'not known')
		expect "$call $(uname -m)" != "$call x86_64" # only there are the oldest ones
		continue
		;;
	dead)
		expect "$(worker_pid "$disk")" != "$before"
		lives=$((lives + 1))
		test "$(server_said "$disk" | grep -c 'died (signal 31)')" = $lives || fail "$call: $(server_said "$disk")"
		;;
	*) fail "$call: $seen" ;;
	esac
	calls=$((${calls:-0} + 1))
done <<-'END'
	openat -100 /etc/passwd 0
	open /etc/passwd 0
	openat2 -100 /etc/passwd @ 24
	creat /tmp/x 0600
	execve /bin/sh 0 0
	execveat -100 /bin/sh 0 0 0
	socket 1 2 0
	connect 3 @ 16
	clone 17 0
	clone 0x7d0f00 0
	clone3 @ 88
	fork
	vfork
	io_uring_setup 8 @
	io_uring_register 3 12 @ 1
	ptrace 16 1 0 0
	process_vm_readv 1 @ 1 @ 1 0
	process_vm_writev 1 @ 1 @ 1 0
	kill 1 9
	tgkill 1 1 9
	pidfd_open 1 0
	pidfd_getfd 3 0 0
	mount / / 0 4096 0
	umount2 / 2
	chroot /
	setns 3 0
	unshare 0x10000000
	setresuid 0 0 0
	capset @ @
	prctl 4 1 0 0 0
	seccomp 1 0 @
	bpf 0 @ 16
	perf_event_open @ 0 -1 -1 0
	userfaultfd 0
	memfd_create /x 0
	unlinkat -100 /etc/passwd 0
	chmod /etc/passwd 0777
	dup 0
	fcntl 0 2 1
	ioctl 0 0x5401 @
	mmap 0 4096 5 0x22 -1 0
	mprotect @ 4096 5
	sendmsg 1 @ 0
	sendto 3 @ 1 0 @ 16
	recvmsg 1 @ 0
	getdents64 3 @ 4096
	prlimit64 0 7 @ 0
	eventfd2 0 0
	getppid
END
expect "$calls" -ge 44
stop_disk "$disk"

# NOP READV WRITEV POLL_ADD POLL_REMOVE SENDMSG RECVMSG ACCEPT CANCEL CONNECT OPENAT CLOSE FILES_UPDATE STATX READ WRITE FADVISE
# MADVISE SEND RECV OPENAT2 EPOLL_CTL SPLICE PROVIDE_BUFFERS TEE SHUTDOWN RENAMEAT UNLINKAT MKDIRAT SYMLINKAT LINKAT MSG_RING
# SOCKET, as it likes and as the server must ask; and what the server asks, but not on its own files
new_disk
before=$(worker_pid "$disk")
for opcode in 0 1 2 6 7 9 10 13 14 16 18 19 20 21 22 23 24 25 26 27 28 29 30 31 33 34 35 36 37 38 39 40 45; do
	for flags in 0 1; do
		expect "$opcode $(try ring $opcode -100 $flags /etc/passwd 0 0)" = "$opcode returned -13"
	done
done
expect "$(try ring 46 0 0 0 0 0)" = 'returned -13'
expect "$(try ring 46 0 5 0 0 0)" = 'returned -13' # linked
expect "$(try ring 11 -1 0 @ 1 0)" = 'returned -13'
expect "$(worker_pid "$disk")" = "$before"
stop_disk "$disk"

# What stands behind the filter, where there is none: landlock (/tmp is everybody's), the user, no room for a descriptor
start_with="without-syscall seccomp 1"
disk=$(start_disk shellcode --queues=1)
while read -r result call; do
	expect "$call: $(try syscall "$call")" = "$call: returned $result"
done <<-'END'
	-13 mkdirat -100 /tmp/by-shellcode 0777
	-13 execve /bin/sh 0 0
	-24 openat -100 /etc/passwd 0
	-24 socket 1 2 0
	-1 setresuid 0 0 0
	-1 kill 1 9
	-1 ptrace 16 1 0 0
	-1 mount / / 0 4096 0
END
