# SPDX-License-Identifier: MIT
# timeout: 180
about "the profiles of docker and of podman forbid io_uring, each with its own error: both are named, and the way out works"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
for engine in docker podman; do
	like $engine
	may control devices
	expect_status 3 contained ublk-mem 16M
	expect_said 'cannot use io_uring: a seccomp profile blocks it' \
		"allow io_uring_setup, io_uring_enter and io_uring_register in the container's profile \(that of $engine"
	expect_status 1 contained ublk-ctl check
	expect_said '^FAIL  io_uring'
	nothing_left
done
