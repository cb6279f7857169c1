# SPDX-License-Identifier: MIT
about "SIGTERM while a process has the disk open: the server names the process and waits until it closes the disk"

mkfifo "$case/words"
exec 6<>"$case/words"
# shellcheck disable=SC2016 # the inner shell expands
echo 'exec "$@" 2>"${0%/*}/words"' >"$case/talk"
start_with="sh $case/talk"

disk=$(start_disk mem --size 16M)
exec 7<>"$disk"
kill -TERM "$(server_pid "$disk")"
read -r words <&6
expect "$words" = "ublk-mem[${disk#/dev/ublkb}]: $disk is in use (open in process $$ (sh)); stopping when that ends, or at once on a second signal"
pattern 64K 4 >&7
exec 7>&-
expect "$(server_status "$disk")" = 0
expect ! -e "$disk"
