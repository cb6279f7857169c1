# SPDX-License-Identifier: MIT
# kernels: =6.16
about "a kernel that starts no disk which is served from another pid namespace: that is said, and nothing is left"

expect_status 1 unshare --pid --fork --kill-child ublk-null --queues 1
expect_said 'cannot start the device: Invalid argument'
expect_said 'another pid namespace'
