# SPDX-License-Identifier: MIT
about "a running disk goes on in another program, with all that it had: name, bytes, counts, files to be written, and its command's end"

# another_build NAME VERSION - as long as ours
another_build() {
	ours=$(ublk --version)
	ours=${ours#ublk }
	theirs=$(printf '%-*s' "${#ours}" "$2" | tr ' ' +)
	sed "s/$ours/$theirs/g" "$(command -v ublk)" >"$case/$1"
	chmod +x "$case/$1"
}
version() {
	ublk-ctl list -n --raw -O version "$1"
}
upgraded() {
	ublk-ctl upgrade "$@"
	expect "$(version "$1")" = "$theirs"
	expect "$(ublk-ctl status "$1")" = live
}

another_build other other
expect "$theirs" != "$ours"

# a RAM disk, in the background and by its own process
pattern 1M 1 >"$case/image"
disk=$(ublk-mem --image="$case/image" --size=16M --save="$case/saved" --name=scratch --pidfile="$case/pid" --supervise \
	--background --stats --log=kmsg)
keeper=$(cat "$case/pid")
on_exit "kill -KILL $keeper 2>/dev/null || true"
expect "$(version scratch)" = "$ours"
writes=$(counted "$disk" writes)
pattern 1M 2 | write_at "$disk" 1M
upgraded scratch "$case/other"
expect "$(readlink "/proc/$keeper/exe")" = "$case/other"
expect "$(cat "/proc/$keeper/comm")" = ublk-mem
expect "$(read_at "$disk" 0 1M | sum)" = "$(pattern 1M 1 | sum)"
expect "$(read_at "$disk" 1M 1M | sum)" = "$(pattern 1M 2 | sum)"
expect "$(counted "$disk" writes)" -gt "$writes"
kill -KILL "$(cut -d ' ' -f 1 "/proc/$keeper/task/$keeper/children")" # its successor is of the new program
pattern 1M 3 | write_at "$disk" 2M
ublk-ctl upgrade scratch # and back, by the one that is installed
expect "$(version scratch)" = "$ours"
kill "$keeper"
wait_until 30 has_ended "$keeper"
expect ! -e "$disk"
expect ! -e "$case/pid"
expect "$(read_at "$case/saved" 2M 1M | sum)" = "$(pattern 1M 3 | sum)"

# a command's disk ends with it, and has its status
mkfifo "$case/go"
# shellcheck disable=SC2016 # the inner shell expands
ublk-null --supervise -- sh -c 'echo $UBLK_DEV $PPID >"$0/where"; read -r _ <"$0/go"; env >"$0/env"; exit 33' "$case" &
wait_until 10 test -s "$case/where"
read -r disk keeper <"$case/where"
upgraded "$disk" "$case/other"
echo >"$case/go"
wait $! && status=0 || status=$?
expect "$status" = 33
expect ! -e "$disk"
expect "$(grep -c UBLK_STATE "$case/env")" = 0

# an archive, and a disk that goes when it was used
mkdir "$case/tree" "$case/mnt"
cp -r /tests "$case/tree/"
(cd "$case/tree" && zip -qry ../tree.zip .)
modprobe erofs
disk=$(start_disk zip "$case/tree.zip" --supervise --autoclear)
rm "$case/tree.zip" # nothing is opened by its path again
mount -t erofs -o ro "$disk" "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
for program in other ublk other; do
	test $program = ublk && ublk-ctl upgrade "$disk" || upgraded "$disk" "$case/$program"
	echo 3 >/proc/sys/vm/drop_caches
	expect "$(manifest "$case/mnt")" = "$(manifest "$case/tree")"
done
umount "$case/mnt"
expect "$(server_status "$disk")" = 0
# timeout: 180
