# SPDX-License-Identifier: MIT
# timeout: 180
about "in a container ublk-ctl check finds what the container was not given, and how to give it"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh

case $(uname -r) in
6.16*)
	like docker
	may io_uring control devices
	expect_status 1 contained ublk-ctl check
	expect_said '^FAIL  kernel +6.16' 'starts no disk from another pid namespace'
	exit
	;;
esac

# checked STATUS ENGINE WHAT-IT-MAY... - and what check says there
checked() {
	local status="$1"

	like "$2"
	shift 2
	may "$@"
	expect_status "$status" contained ublk-ctl check
}

checked 0 docker io_uring control devices
expect_said '^PASS  nodes +/dev is private, and they can be made there' '^WARN  rights +no CAP_SYS_ADMIN'
checked 1 docker io_uring devices
expect_said '^FAIL  control +the driver is there, but not its node'
checked 1 docker io_uring control
expect_said '^FAIL  nodes +the device cgroup forbids the nodes' "-> start the container with --device-cgroup-rule='c $(char_major):"
checked 1 docker control devices
expect_said '^FAIL  io_uring +.*a seccomp profile blocks it' '\(that of docker'
checked 1 podman control devices
expect_said '^FAIL  io_uring +.*a seccomp profile blocks it' '\(that of podman' '^FAIL  nodes +/dev is private' '--cap-add=MKNOD'

# the memory that it may take, of which a disk of 256 MiB is too much
like docker
may io_uring control devices
c_memory=134217728
expect_status 1 contained ublk-ctl check --size=256M
expect_said '^FAIL  memory +[0-9.]+M can be taken, which a memory cgroup limits' \
	'-> 256M is more: raise the limit of the container \(--memory\)'
expect_status 0 contained ublk-ctl check --size=32M

like privileged
expect_status 0 contained ublk-ctl check
expect_said '^PASS  rights' '^PASS  nodes'
