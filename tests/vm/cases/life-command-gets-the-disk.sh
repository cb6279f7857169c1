# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # the inner shell expands
about "CMD finds the disk in UBLK_DEV, has the standard streams for itself, no descriptor and no blocked signal of ours"

UBLK_DEV=wrong ublk-mem --size 16M -- sh -c 'test -b "$UBLK_DEV" && blockdev --getsize64 "$UBLK_DEV" && cat' \
	<<-'END2' >"$case/out" 2>"$case/err"
	typed
	END2
expect "$(cat "$case/out")" = "16777216
typed"
expect "$(cat "$case/err")" = ""
expect "$(ublk-null -- sh -c 'ls /proc/self/fd' | tr '\n' ' ')" = "$(sh -c 'ls /proc/self/fd' | tr '\n' ' ')"
expect "$(ublk-null -- grep SigBlk /proc/self/status)" = "$(grep SigBlk /proc/self/status)"
# and its own mounts
ublk-mem --size 16M -- sh -c 'mkfs.ext4 -q "$UBLK_DEV" && mount "$UBLK_DEV" /mnt && echo kept >/mnt/file && umount /mnt'
