# SPDX-License-Identifier: MIT
# timeout: 150
about "memory stays within --index-memory and --cache-memory whatever is read: 250 MiB of zeroes in one member, in a cgroup of 32 MiB"

modprobe erofs
test -e /sys/fs/cgroup/cgroup.controllers || skip "there is no cgroup2 at /sys/fs/cgroup"
grep -q memory /sys/fs/cgroup/cgroup.controllers || skip "this kernel has no memory controller"
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p "$case/tree" "$case/mnt" /sys/fs/cgroup/zip
on_exit rmdir /sys/fs/cgroup/zip
truncate -s 250M "$case/tree/zeroes"
pattern 24M >"$case/tree/pattern"
(cd "$case/tree" && zip -q1 ../tree.zip zeroes pattern)
echo 32M >/sys/fs/cgroup/zip/memory.max
echo 0 >/sys/fs/cgroup/zip/memory.swap.max 2>/dev/null || true
cat >"$case/inside" <<'END'
#!/bin/sh
echo $$ >/sys/fs/cgroup/zip/cgroup.procs
exec "$@"
END
chmod 755 "$case/inside"
start_with=$case/inside
disk=$(start_disk zip "$case/tree.zip" --index-memory 4M --cache-memory 8M)
start_with=
mount -t erofs -o ro "$disk" "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
expect "$(dd if="$case/mnt/zeroes" bs=1M status=none | tr -d '\0' | wc -c)" = 0
expect "$(sum <"$case/mnt/pattern")" = "$(sum <"$case/tree/pattern")"
for place in 240M 3M 150M; do
	expect "$(dd if="$case/mnt/zeroes" bs=4k count=1 iflag=skip_bytes,direct skip=$place status=none | tr -d '\0' | wc -c)" = 0
done
expect "$(grep -c 'oom_kill [1-9]' /sys/fs/cgroup/zip/memory.events)" = 0
umount "$case/mnt"
stop_disk "$disk"
