# SPDX-License-Identifier: MIT
about "a server lives well with its standard streams closed"

mkfifo "$case/ready"
ublk-mem --size 16M --ready-fd 5 5>"$case/ready" <&- >&- 2>&- &
read -r disk <"$case/ready"
pattern 256K 7 | write_at "$disk" 0
expect "$(read_at "$disk" 0 256K | sum)" = "$(pattern 256K 7 | sum)"
kill $!
wait $!
expect ! -e "$disk"
