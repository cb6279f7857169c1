# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # the inner shell expands
about "a disk that CMD left mounted is removed when it is unmounted, which is said, and the status is still CMD's"

mkfifo "$case/words"
on_exit 'umount /mnt 2>/dev/null || true'
ublk-mem --size 32M -- sh -c 'mkfs.ext4 -q "$UBLK_DEV" && mount "$UBLK_DEV" /mnt && exit 9' 2>"$case/words" &
read -r words <"$case/words"
expect "${words#*is in use (mounted at /mnt)}" != "$words"
umount /mnt
wait $! && status=0 || status=$?
expect "$status" = 9
