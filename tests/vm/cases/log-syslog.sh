# SPDX-License-Identifier: MIT
about "--log=syslog sends datagrams to /dev/log, with a priority, and nothing to standard error; nobody there is an error"

requires datagrams
test ! -e /dev/log || skip "somebody listens at /dev/log already"
expect_status 1 ublk-null --log syslog
expect_said 'cannot reach the system log at /dev/log for --log=syslog: No such file or directory' \
	'start a syslog daemon, or use --log=stderr or --log=kmsg'
mkfifo "$case/log"
datagrams /dev/log >"$case/log" &
on_exit "kill $!; rm /dev/log"
exec 6<"$case/log"
read -r line <&6
disk=$(start_disk null --log syslog --queues 4096 --depth 1)
read -r line <&6
expect "$line" = "<29>ublk-null[${disk#/dev/ublkb}]: the kernel grants $(nproc) queues of the 4096 asked for: it has no more CPUs"
# an error
kill -KILL "$(worker_pid "$disk")"
read -r line <&6
expect "$line" = "<27>ublk-null[${disk#/dev/ublkb}]: the server process died of signal 9; the disk and what it held are gone"
expect "$(server_status "$disk")" = 1
expect "$(server_said "$disk")" = ""
