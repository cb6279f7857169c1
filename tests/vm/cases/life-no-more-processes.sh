# SPDX-License-Identifier: MIT
about "when there may be no more processes or threads, that is said with the remedy, and nothing is left"

mkdir /sys/fs/cgroup/few
on_exit rmdir /sys/fs/cgroup/few
test -e /sys/fs/cgroup/few/pids.max || skip "this kernel has no cgroup that counts processes"
ublk-null -- true # the module is there
cat >"$case/inside" <<'END2'
echo $$ >/sys/fs/cgroup/few/cgroup.procs
exec ublk-null --queues 2 -- true
END2
limit=1
while echo $limit >/sys/fs/cgroup/few/pids.max && ! sh "$case/inside" 2>"$case/said"; do
	tee -a "$case/all" <"$case/said"
	expect_said 'pids.max|cannot start true: Resource temporarily unavailable'
	expect "$(ublk-ctl list -n)" = ""
	limit=$((limit + 1))
done
for what in 'the server process' 'the thread of queue 0' 'the thread of queue 1' true; do
	grep -q "cannot start $what: Resource temporarily unavailable" "$case/all"
done
