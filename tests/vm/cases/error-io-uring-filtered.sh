# SPDX-License-Identifier: MIT
about "io_uring blocked by a seccomp profile, with either error number: that is said, with the remedy, and exit status 3"

requires without-syscall strace
modprobe ublk_drv
EPERM=1 ENOSYS=38 engine='that of docker and containerd'
for error in $EPERM $ENOSYS; do
	expect_status 3 without-syscall io_uring_setup $error ublk-null
	expect_said 'cannot use io_uring: a seccomp profile blocks it' \
		"allow io_uring_setup, io_uring_enter and io_uring_register in the container.s profile \($engine"
	engine='that of podman and CRI-O'
done
# a profile that has nothing against it does no harm
without-syscall mount $EPERM ublk-null -- true
# nor is a profile blamed where there is none
expect_status 4 strace -f -o /dev/null -e inject=io_uring_setup:error=ENOSYS ublk-null
expect_said 'cannot use io_uring: this kernel was built without it' 'ublk needs CONFIG_IO_URING'
