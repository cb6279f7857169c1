#!/bin/sh
# SPDX-License-Identifier: MIT
#
# syscalls.sh - the system calls that a server may make are those that were agreed on
#
# Whoever adds one shall see it, and say below what it opens. Prints TAP.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
echo "1..2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
seen=$(cd "$top" && build/seccomp.sh --list)
agreed=$(
	cat <<-'END'
		file: close fallocate fdatasync fstat ioctl lseek munmap pread64 pwritev pwritev2
		mem: close fcntl fsync munmap pread64 pwrite64 pwritev2
		opening: clone dup2 dup3 fstat getrandom ioctl lseek madvise mbind mmap mprotect mremap poll ppoll prctl prlimit64 read restart_syscall rt_sigprocmask seccomp
		openmem: ftruncate
		serving: clock_gettime close exit exit_group fcntl futex io_uring_enter madvise mlock2 munlock munmap pread64 pwrite64 pwritev2 read rt_sigaction rt_sigprocmask rt_sigreturn write
		zip: brk clock_gettime exit futex madvise mmap mprotect mremap munmap pread64 rt_sigprocmask statx write
	END
)
test "$seen" = "$agreed" || {
	echo "# the sources say:"
	echo "$seen" | sed 's/^/# /'
	printf 'not '
}
echo "ok 1 - no system call is allowed that was not agreed on"
more=$(cd "$top" && build/seccomp.sh --glibc --list | tr ' ' '\n' | sort -u >"$work/glibc" &&
	build/seccomp.sh --list | tr ' ' '\n' | sort -u | comm -13 - "$work/glibc" | tr '\n' ' ')
test "$more" = "clone3 newfstatat rseq set_robust_list " || printf 'not '
echo "ok 2 - nor another one of glibc's: $more"
