# SPDX-License-Identifier: MIT
# long
about "while a disk is loaded or saved for long, the service manager is asked again and again for more time"

requires datagrams
mkfifo "$case/messages" "$case/image"
datagrams "$case/socket" >"$case/messages" &
on_exit kill $!
exec 6<"$case/messages"
read -r line <&6
NOTIFY_SOCKET=$case/socket ublk-mem --image="$case/image" >"$case/out" 2>&1 &
server=$!
for _ in 1 2; do
	read -r line <&6
	expect "$line" = EXTEND_TIMEOUT_USEC=60000000
done
pattern 70000 >"$case/image"
read -r line <&6
expect "$line" = READY=1
kill "$server"
wait "$server"
read -r line <&6
expect "$line" = STOPPING=1
