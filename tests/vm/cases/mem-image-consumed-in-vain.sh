# SPDX-License-Identifier: MIT
about "an image that was consumed in vain has no name and no memory any more, and is said to be lost; what is refused is left alone"

mounted=$(mktemp -d "$case/mounted.XXXXXX")
mount -t tmpfs -o size=100M none "$mounted"
on_exit umount "$mounted"
image=$mounted/image
head -c 67108864 /dev/urandom >"$image"
whole=$(sum <"$image")

# a user who may not write to it, one who may not remove it, and the link of another name
chmod 755 "$case" "$mounted"
let_users_in
chmod 644 "$image"
expect_status 3 as_user ublk-mem --image "$image" --consume
expect_said "cannot open the image .*: Permission denied"
chmod 666 "$image"
expect_status 3 as_user ublk-mem -v --image "$image" --consume
expect_said "take for good" "cannot remove .*: Permission denied"
grep -q "give up every right" "$case/said" && fail "it failed with no rights left"
expect_status 2 ublk-mem --image - --consume <"$image"
ln "$image" "$mounted/other"
expect_status 2 ublk-mem --image "$image" --consume
rm "$mounted/other"
ln -s image "$mounted/link"
expect_status 5 ublk-mem --image "$mounted/link" --consume
served=$(start_disk file "$image")
expect_status 5 ublk-mem --image "$image" --consume
expect_said "is locked"
stop_disk "$served"
mount -o remount,ro "$mounted"
expect_status 1 ublk-mem --image "$image" --consume
expect_said "Read-only file system"
mount -o remount,rw "$mounted"
expect_status 3 ublk-mem --image "$image" --consume --dev-dir="$case"
expect "$(sum <"$image")" = "$whole"

# where the memory of the image belongs to others, and gives nothing back to the group that is short of it
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/small
on_exit rmdir /sys/fs/cgroup/small
echo 80M >/sys/fs/cgroup/small/memory.max
# shellcheck disable=SC2016 # the inner shell expands
expect_status 1 sh -c 'echo $$ >/sys/fs/cgroup/small/cgroup.procs && exec ublk-mem --image "$1" --consume' sh "$image"
expect_said "does not fit into the memory that may be used" "the image .* is lost"
expect ! -e "$image"
expect "$(df -k "$mounted" | awk 'END { print $3 }')" -lt 100
expect "$(awk '/^oom_kill / { print $2 }' /sys/fs/cgroup/small/memory.events)" = 0
