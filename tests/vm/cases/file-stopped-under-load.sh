# SPDX-License-Identifier: MIT
about "a mounted disk that is stopped by force in the midst of heavy writes leaves a file system in order, with all that was synced before"

requires fio
modprobe ext4
image=$(scratch 64M)
mkdir "$case/outer"
mkfs.ext4 -q "$image"
mount -o loop "$image" "$case/outer"
on_exit umount "$case/outer"
disk=$(start_disk file "$case/outer/disk" --create 32M --queues 2)
mkfs.ext4 -q "$disk"
mount "$disk" /mnt
on_exit 'umount /mnt 2>/dev/null || true'
pattern 1M 1 >/mnt/synced
sync -f /mnt
fio --directory=/mnt --name=load --numjobs=2 --size=4M --rw=randwrite --bsrange=4k-64k --fsync=16 --time_based \
	--runtime=60 >/dev/null 2>&1 &
fio=$!
writes() {
	awk '{ print $5 }' "/sys/block/${disk#/dev/}/stat"
}
begun=$(writes)
heavy() {
	test "$(writes)" -gt $((begun + 100))
}
wait_until 20 heavy
kill -TERM "$(server_pid "$disk")"
kill -INT "$(server_pid "$disk")"
expect "$(server_status "$disk")" = 0
wait "$fio" && fail "fio saw no error"
umount /mnt
wait_until 5 test ! -e "$disk"
# the journal needs its replay, as after any sudden end
e2fsck -p "$case/outer/disk" >/dev/null || test $? = 1
expect_status 0 e2fsck -fn "$case/outer/disk"
mount -o loop,ro "$case/outer/disk" /mnt
expect "$(sum </mnt/synced)" = "$(pattern 1M 1 | sum)"
umount /mnt
