# SPDX-License-Identifier: MIT
about "--pidfile appears in one instant when the disk is ready, with the process to signal, and goes at the end"

mkdir "$case/dir"
echo old >"$case/dir/pid"
mkfifo "$case/image" "$case/ready"
ublk-mem --image - --pidfile "$case/dir/pid" <"$case/image" >"$case/ready" 2>"$case/err" &
server=$!
exec 6>"$case/image" 7<"$case/ready"
pattern 1M 1 >&6
# the image has not ended, so there is no disk yet
expect "$(cat "$case/dir/pid")" = old
expect "$(ls -A "$case/dir")" = pid
exec 6>&-
read -r disk <&7
expect "$(cat "$case/dir/pid")" = "$server"
expect "$(stat -c %a "$case/dir/pid")" = 644
expect "$(ls -A "$case/dir")" = pid
kill "$(cat "$case/dir/pid")"
wait "$server"
expect "$(ls -A "$case/dir")" = ""
expect ! -e "$disk"
