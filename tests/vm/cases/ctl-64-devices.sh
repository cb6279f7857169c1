# SPDX-License-Identifier: MIT
# timeout: 300
# vm: --mem 3G
about "64 disks are listed with one command, and deleted with one"

for i in $(seq 64); do
	ublk-null 1M --queues=1 --depth=4 --background --name="disk$i" >>"$case/disks"
done
on_exit "ublk-ctl del -a --quiet"
expect "$(sort "$case/disks" | uniq | wc -l)" = 64
ublk-ctl list -n --raw -O id,dev,name,type,state >"$case/listed"
expect "$(wc -l <"$case/listed")" = 64
expect "$(cut -d ' ' -f 1 "$case/listed")" = "$(cut -d ' ' -f 1 "$case/listed" | sort -n)"
expect "$(cut -d ' ' -f 2 "$case/listed" | sort)" = "$(sort "$case/disks")"
expect "$(cut -d ' ' -f 4- "$case/listed" | uniq)" = "null live"
expect "$(ublk-ctl list -n --raw -O name disk64 disk1 disk33 | tr '\n' ' ')" = "disk64 disk1 disk33 "

ublk-ctl del -a
expect "$(ublk-ctl list)" = ""
expect ! -e "$(head -n 1 "$case/disks")"
