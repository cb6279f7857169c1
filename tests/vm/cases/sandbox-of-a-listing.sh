# SPDX-License-Identifier: MIT
about "ublk-zip --list has given up every right before it reads what is in the archive"

requires zip
! grep -q '^ublk:' /etc/passwd || skip "there is a user ublk here"
mkdir "$case/dir"
(cd "$case/dir" && for i in $(seq 2000); do : >"a-name-that-makes-the-listing-longer-than-a-pipe-holds-$i"; done && zip -q -r ../a.zip .)
mkfifo "$case/out"
ublk-zip --list "$case/a.zip" >"$case/out" &
lister=$!
exec 3<"$case/out"
read -r _ <&3	# it is at it, and will not get further than the pipe
status=$(cat "/proc/$lister/status")
expect "$(echo "$status" | awk '/^Cap/ { print $2 }' | sort -u)" = 0000000000000000
expect "$(echo "$status" | awk '/^(Uid|Gid):/ { print $2, $3, $4, $5 }' | sort -u)" = "1969384555 1969384555 1969384555 1969384555"
expect "$(echo "$status" | awk '/^(NoNewPrivs|Seccomp):/ { print $2 }' | tr '\n' ' ')" = "1 2 "
expect "$(cat <&3 | wc -l)" = 2000
exec 3<&-
wait "$lister"
