# SPDX-License-Identifier: MIT
about "ublk-zip writes to no file, and needs no /tmp: on a read-only root an archive is mounted and read, and strace sees nothing made"

requires strace
modprobe erofs
mkdir "$case/tree" "$case/mnt"
pattern 5M >"$case/tree/pattern"
(cd "$case/tree" && zip -q ../tree.zip pattern)
start_with="strace -f -o $case/trace -e trace=openat,open,creat,mkdir,mkdirat,mknod,mknodat,memfd_create,rename,renameat2,linkat"
disk=$(start_disk zip "$case/tree.zip" --no-mknod)
start_with=
mount -t erofs -o ro "$disk" "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
expect "$(sum <"$case/mnt/pattern")" = "$(sum <"$case/tree/pattern")"
umount "$case/mnt"
stop_disk "$disk"
expect -s "$case/trace"
# the nodes of the device, and the write to its nr_requests, are no files
expect "$(grep -E 'O_CREAT|O_TMPFILE|O_WRONLY|creat\(|mkdir|rename|linkat' "$case/trace" | grep -v "/sys/\|ENOENT\|/dev/null\|$case/server")" = ""
