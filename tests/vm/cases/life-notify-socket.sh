# SPDX-License-Identifier: MIT
about "the service manager at NOTIFY_SOCKET is told READY=1 when the disk is there, and STOPPING=1 before it goes"

requires datagrams
mkfifo "$case/messages"
datagrams "$case/socket" >"$case/messages" &
on_exit kill $!
exec 6<"$case/messages"
read -r line <&6
start_with="env NOTIFY_SOCKET=$case/socket"
disk=$(start_disk null)
read -r line <&6
expect "$line" = READY=1
stop_disk "$disk"
read -r line <&6
expect "$line" = STOPPING=1
# nobody there: a warning, and no more
start_with="env NOTIFY_SOCKET=$case/nobody"
disk=$(start_disk null)
server_said "$disk" | grep -q 'warning: the service manager at NOTIFY_SOCKET does not listen'
