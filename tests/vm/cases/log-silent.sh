# SPDX-License-Identifier: MIT
about "without -v a server says nothing all its life, but the one line on standard output, which then ends"

mkfifo "$case/out"
ublk-mem --size 16M >"$case/out" 2>"$case/err" &
disk=$(cat "$case/out") # to its end
test -b "$disk"
pattern 1M 1 | write_at "$disk" 0
blkdiscard -z "$disk"
kill $!
wait $!
expect "$(cat "$case/err")" = ""
