# SPDX-License-Identifier: MIT
about "SIGTERM to a server whose disk nobody uses removes the disk at once, with exit status 0"

disk=$(start_disk mem --size 16M)
kill -TERM "$(server_pid "$disk")"
expect "$(server_status "$disk")" = 0
expect "$(server_said "$disk")" = ""
expect ! -e "$disk"
expect ! -e "/dev/ublkc${disk#/dev/ublkb}"
expect ! -e "/sys/block/${disk#/dev/}"
