# SPDX-License-Identifier: MIT
about "a disk that nobody was told of is not saved over an older one"

echo old >"$case/disk.img"
expect_status 1 sh -c "ublk-mem --size 1M --save $case/disk.img >/dev/full"
expect "$(cat "$case/disk.img")" = old
