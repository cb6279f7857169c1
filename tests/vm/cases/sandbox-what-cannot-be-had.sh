# SPDX-License-Identifier: MIT
about "where landlock or seccomp cannot be had, and with --sandbox=off, the disk is there all the same, and ublk-ctl info does not claim it; users have all but another user"

requires without-syscall
sandbox_of() {
	ublk-ctl list -n --raw -O sandbox "$1"
}

works() {
	pattern 256K 3 | write_at "$1" 4096
	expect "$(read_at "$1" 4096 256K | sum)" = "$(pattern 256K 3 | sum)"
}

start_with="without-syscall landlock_create_ruleset 38" # ENOSYS
disk=$(start_disk mem 1M -v)
works "$disk"
expect "$(sandbox_of "$disk")" = no_capabilities,no_new_privs,seccomp,restricted_rings
expect "$(server_said "$disk" | grep -c 'without landlock')" = 1

start_with="without-syscall seccomp 1" # EPERM
disk=$(start_disk mem 1M -v)
works "$disk"
# what stands in /proc is the filter of without-syscall, and does not count
expect "$(sandbox_of "$disk")" = no_capabilities,no_new_privs,landlock,restricted_rings
expect "$(server_said "$disk" | grep -c 'without seccomp: Operation not permitted')" = 1

start_with=
disk=$(start_disk mem 1M --sandbox=off)
works "$disk"
expect "$(sandbox_of "$disk")" = no_capabilities,no_new_privs
expect "$(awk '/^Uid:/ { print $2 }' "/proc/$(worker_pid "$disk")/status")" = 0
server_said "$disk" | grep -q 'not confined'

let_users_in
start_with=as_user
disk=$(start_disk mem 1M)
as_user sh -c 'dd if=/dev/zero of="$0" bs=4k count=4 oflag=direct status=none' "$disk"
expect "$(ublk-ctl list -n --raw -O uid,sandbox "$disk")" = \
	"1000 no_capabilities,no_new_privs,seccomp,landlock,restricted_rings"
