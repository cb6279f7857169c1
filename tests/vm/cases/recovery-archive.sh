# SPDX-License-Identifier: MIT
about "a mounted archive is served on when its server is killed"

modprobe erofs
mkdir "$case/tree" "$case/mnt"
cp -r /tests "$case/tree/"
(cd "$case/tree" && zip -qry ../tree.zip .)
disk=$(start_disk zip "$case/tree.zip" --recovery=reissue)
mount -t erofs -o ro "$disk" "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
for _ in 1 2 3; do
	kill -KILL "$(worker_pid "$disk")"
	echo 3 >/proc/sys/vm/drop_caches # nothing of it from memory
	expect "$(manifest "$case/mnt")" = "$(manifest "$case/tree")"
done
umount "$case/mnt"
stop_disk "$disk"
