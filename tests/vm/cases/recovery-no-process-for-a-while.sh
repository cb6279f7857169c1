# SPDX-License-Identifier: MIT
about "no process can be made when its server dies, for longer than crashes are borne: the disk waits, and is served again or ends when told"

mkdir /sys/fs/cgroup/few
on_exit rmdir /sys/fs/cgroup/few
test -e /sys/fs/cgroup/few/pids.max || skip "this kernel has no cgroups that limit processes"
cat >"$case/inside" <<-'END'
	echo $$ >/sys/fs/cgroup/few/cgroup.procs
	exec "$@"
END
# failed_often TIMES - five crashes would be the end
failed_often() {
	test "$(grep -c 'start the server process: Resource temporarily unavailable' "$(server_of "$disk")/stderr")" -ge "$1"
}
start_with="sh $case/inside"
disk=$(start_disk mem --size 16M --supervise)
start_with=
pattern 4M 1 | write_at "$disk" 0
keeper=$(server_pid "$disk")
worker=$(worker_pid "$disk")
echo 1 >/sys/fs/cgroup/few/pids.max
kill -9 "$worker"
(read_at "$disk" 0 4M | sum >"$case/sum") &
reader=$!
wait_until 20 failed_often 7
kill -0 "$reader"
echo max >/sys/fs/cgroup/few/pids.max
wait "$reader"
expect "$(cat "$case/sum")" = "$(pattern 4M 1 | sum)"
expect "$(server_pid "$disk")" = "$keeper"

# nobody need say twice that it is to end
echo 1 >/sys/fs/cgroup/few/pids.max
kill -9 "$(worker_pid "$disk")"
wait_until 20 failed_often 14
kill -TERM "$keeper"
expect "$(server_status "$disk")" = 1
expect ! -e "$disk"
