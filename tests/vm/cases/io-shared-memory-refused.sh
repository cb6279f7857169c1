# SPDX-License-Identifier: MIT
# kernels: <7.1
about "--shared-memory is refused, with the reason, by kernels without it"

expect_status 4 ublk-mem 8M --shared-memory="$(scratch 1M)"
expect_said '^ublk-mem: --shared-memory: this kernel has no SHMEM_ZC, which came with Linux 7.1$'
