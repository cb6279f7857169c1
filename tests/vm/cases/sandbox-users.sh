# SPDX-License-Identifier: MIT
about "the server is who --user says, or user ublk where there is one, and the files it leaves are whose they were; who may not change is told"

# runs_as DISK UID GID
runs_as() {
	expect "$(awk '/^[UG]id:/ { print $2, $3, $4, $5 }' "/proc/$(worker_pid "$1")/status" | tr '\n' ' ')" = \
		"$2 $2 $2 $2 $3 $3 $3 $3 "
}

runs_as "$(start_disk mem 1M --user=1234:5678)" 1234 5678
runs_as "$(start_disk mem 1M --user=1234)" 1234 1969384555

sed '/^ublk:/d' /etc/passwd >"$case/passwd"
printf '%s\n' 'ublk:x:990:991::/:/bin/false' 'backup::34:34:backup:/:/bin/false' >>"$case/passwd"
mount --bind "$case/passwd" /etc/passwd
on_exit umount /etc/passwd
# a name has a user, and no group
runs_as "$(start_disk mem 1M --user=backup)" 34 1969384555
disk=$(start_disk mem 1M --save="$case/saved" --supervise)
runs_as "$disk" 990 1969384555

# the next one, too
before=$(worker_pid "$disk")
kill -9 "$before"
pattern 64K 1 | write_at "$disk" 0
expect "$(worker_pid "$disk")" != "$before"
runs_as "$disk" 990 1969384555
# tied to its keeper, by root's hand alone
expect_status 0 ublk-ctl info "$disk"
expect_said '^UID +990'
stop_disk "$disk"
expect "$(stat -c '%u %g %a' "$case/saved")" = "0 0 600"
expect "$(head -c 65536 "$case/saved" | sum)" = "$(pattern 64K 1 | sum)"

expect_status 2 ublk-mem 1M --user=nobody-of-that-name
expect_said "there is no user 'nobody-of-that-name'"
for wrong in 0 1234:0 4294967295 1:x 1: :1; do
	expect_status 2 ublk-mem 1M --user=$wrong
done
expect_status 3 setpriv --bounding-set=-kill --inh-caps=-kill ublk-mem 1M --user=1234
expect_said '--user takes CAP_SETUID, CAP_SETGID and CAP_KILL'
# whoever could not end it lets it be who it is
start_with="setpriv --bounding-set=-kill --inh-caps=-kill"
runs_as "$(start_disk mem 1M)" 0 0
