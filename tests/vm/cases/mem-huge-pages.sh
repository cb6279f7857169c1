# SPDX-License-Identifier: MIT
about "--huge takes pages of the pool and says when there are too few; thp takes transparent ones"

nodes=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
test -e $nodes || skip "this kernel has no huge pages of 2 MiB"
expect_status 1 ublk-mem --size 16M --huge
expect_said 'too few pages' 'echo 8 >'
echo 16 >$nodes
on_exit "echo 0 >$nodes"
test "$(cat $nodes)" = 16 || skip "the machine's memory has no 32 MiB of huge pages"
disk=$(start_disk mem --size 16M --huge=2M)
pattern 16M 2 >"$case/p"
write_at "$disk" 0 <"$case/p"
expect "$(read_at "$disk" 0 16M | sum)" = "$(sum <"$case/p")"
expect "$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)" -le 8
blkdiscard -o 0 -l 8M "$disk"
expect "$(read_at "$disk" 0 8M | tr -d '\0' | wc -c)" = 0
blkdiscard -z -o 9M -l 512K "$disk"
expect "$(read_at "$disk" 9M 512K | tr -d '\0' | wc -c)" = 0
expect "$(read_at "$disk" 10M 6M | sum)" = "$(tail -c 6291456 "$case/p" | sum)"
stop_disk "$disk"
disk=$(start_disk mem --size 64M --huge=thp) # a transparent one may have 32 MiB
write_at "$disk" 0 <"$case/p"
expect "$(read_at "$disk" 0 16M | sum)" = "$(sum <"$case/p")"
expect "$(awk '/^AnonHugePages/ { n += $2 } END { print n }' "/proc/$(worker_pid "$disk")/smaps")" -ge 8192
