# SPDX-License-Identifier: MIT
about "when memory runs out in its cgroup and the kernel kills the serving process, another one takes over, and nothing is lost"

requires hog
mkdir /sys/fs/cgroup/tight
on_exit rmdir /sys/fs/cgroup/tight
test -e /sys/fs/cgroup/tight/memory.max || skip "this kernel has no memory cgroups"
allow_dmesg 'oom|Memory cgroup|invoked oom-killer|Killed process'
cat >"$case/inside" <<-'END'
	echo $$ >/sys/fs/cgroup/tight/cgroup.procs
	exec "$@"
END
start_with="sh $case/inside"
disk=$(start_disk mem --size 16M --supervise --queues 1)
start_with=
pattern 4M 1 | write_at "$disk" 0
echo 32M >/sys/fs/cgroup/tight/memory.max
keeper=$(server_pid "$disk")
expect "$(cat "/proc/$keeper/oom_score_adj")" = -1000
for _ in 1 2 3; do
	worker=$(worker_pid "$disk")
	expect "$(cat "/proc/$worker/oom_score_adj")" = 0
	echo 1000 >"/proc/$worker/oom_score_adj" # the next victim
	# it gets what it wants only over the worker's dead body, and is the next one itself
	expect_status 137 sh "$case/inside" hog 64 1
	expect "$(read_at "$disk" 0 4M | sum)" = "$(pattern 4M 1 | sum)"
	expect "$(worker_pid "$disk")" != "$worker"
	expect "$(server_pid "$disk")" = "$keeper"
	kill -0 "$keeper"
	expect_status 0 ublk-ctl wait "$disk"
done
expect "$(awk '/^oom_kill / { print $2 }' /sys/fs/cgroup/tight/memory.events)" -ge 6
stop_disk "$disk"
