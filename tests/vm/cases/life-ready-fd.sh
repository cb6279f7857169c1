# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # the inner shell expands
about "--ready-fd gets the path once the disk can be opened, and its end of file at once; also with '-- CMD'"

mkfifo "$case/ready" "$case/gate"
ublk-null --ready-fd 5 5>"$case/ready" >"$case/out" 2>"$case/err" &
server=$!
disk=$(cat "$case/ready")
expect -b "$disk"
dd if="$disk" of=/dev/null bs=4k count=1 status=none
expect "$(cat "$case/out")" = "$disk"
kill "$server"
wait "$server"
expect "$(cat "$case/err")" = ""

ublk-null --ready-fd 5 -- sh -c 'cat "$0"' "$case/gate" 5>"$case/ready" >"$case/out" &
disk=$(cat "$case/ready")
expect -b "$disk"
echo from the command >"$case/gate"
wait $!
expect "$(cat "$case/out")" = "from the command"
