# SPDX-License-Identifier: MIT
about "--save writes the disk to a file when it is stopped, in one instant, and a loaded one is the same disk"

mkdir "$case/dir"
disk=$(start_disk mem --size 20M --save "$case/dir/disk.img")
pattern 2M 8 | write_at "$disk" 5M
expect "$(ls -A "$case/dir")" = ""
stop_disk "$disk"
expect "$(ls -A "$case/dir")" = disk.img
expect "$(stat -c '%s %a' "$case/dir/disk.img")" = "20971520 600"
expect "$(read_at "$case/dir/disk.img" 5M 2M | sum)" = "$(pattern 2M 8 | sum)"
expect "$(stat -c %b "$case/dir/disk.img")" -le 8192
disk=$(start_disk mem --image "$case/dir/disk.img" --save "$case/dir/disk.img")
expect "$(read_at "$disk" 5M 2M | sum)" = "$(pattern 2M 8 | sum)"
pattern 1M 1 | write_at "$disk" 0
stop_disk "$disk"
expect "$(read_at "$case/dir/disk.img" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
expect "$(ls -A "$case/dir")" = disk.img
