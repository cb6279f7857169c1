# SPDX-License-Identifier: MIT
about "with --background SIGHUP does not count, and messages go to the system log"

requires datagrams
test ! -e /dev/log || skip "somebody listens at /dev/log already"
mkfifo "$case/log"
datagrams /dev/log >"$case/log" &
on_exit "kill $!; rm /dev/log"
exec 6<"$case/log"
read -r line <&6
disk=$(ublk-null --background --pidfile "$case/pid")
pid=$(cat "$case/pid")
on_exit 'ublk-ctl del -a --force'
exec 7<"$disk"
kill -HUP "$pid"
kill -TERM "$pid"
# with the other it would have been the second signal, and the disk stopped at once
read -r line <&6
expect "$line" = "<29>ublk-null[${disk#/dev/ublkb}]: $disk is in use (open in process $$ (sh)); stopping when that ends, or at once on a second signal"
exec 7<&-
wait_until 10 test ! -e "/proc/$pid"
expect ! -e "$disk"
