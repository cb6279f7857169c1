# SPDX-License-Identifier: MIT
about "with --cow an ext4 that cannot be written is mounted, changed, trimmed and in order, and not a byte of its file changes"

modprobe ext4
image=$(scratch 8M)
mkfs.ext4 -q "$image"
mkdir "$case/ro"
mount -o loop "$image" /mnt
cp -a /tests /mnt/
umount /mnt
before=$(sum <"$image")
mount -o bind,ro "$case" "$case/ro"
on_exit umount "$case/ro"
disk=$(start_disk file "$case/ro/${image##*/}" --cow)
expect "$(server_said "$disk")" = ""
mount "$disk" /mnt
on_exit 'umount /mnt 2>/dev/null || true'
rm -r /mnt/tests/cases
pattern 1M 1 >/mnt/new
fstrim /mnt
umount /mnt
expect_status 0 e2fsck -fn "$disk"
mount -o ro "$disk" /mnt
expect "$(sum </mnt/new)" = "$(pattern 1M 1 | sum)"
umount /mnt
expect "$(sum <"$image")" = "$before"
