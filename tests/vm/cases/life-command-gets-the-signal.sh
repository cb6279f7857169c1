# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # the inner shell expands
about "a signal sent to the server reaches CMD, whose exit status is passed on"

mkfifo "$case/ready"
# a shell that waits for a child misses no signal, one that reads may: it looks for them before, not while
ublk-null -- sh -c 'sleep 1000 & trap "kill $!; exit 33" TERM; echo ready >"$0/ready"; wait $!' "$case" 2>"$case/err" &
read -r line <"$case/ready"
expect "$line" = ready
kill -TERM $!
wait $! && status=0 || status=$?
expect "$status" = 33
expect "$(cat "$case/err")" = ""
