# SPDX-License-Identifier: MIT
# kernels: <6.16
about "where the kernel cannot resize a device ublk-ctl says since when others can, and changes nothing"

file=$(scratch 64M)
disk=$(start_disk file "$file")
truncate -s 128M "$file"
expect_status 4 ublk-ctl resize "$disk" 128M
expect_said 'Linux 6.16'
expect "$(blockdev --getsize64 "$disk")" = $((64 << 20))
