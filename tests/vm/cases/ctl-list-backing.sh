# SPDX-License-Identifier: MIT
about "ublk-ctl list and info show the file or device behind a disk, also when it was renamed, deleted or handed over, and nothing where there is none"

backing() {
	ublk-ctl list -n --raw -O backing "$1"
}

image=$(scratch 1M)
exec 7<"$case/about" 8<>"$case/other"
disk=$(cd "$case" && start_disk file "${image##*/}")
expect "$(backing "$disk")" = "$image"
expect "$(ublk-ctl list -J -O backing "$disk")" = "{\"ublk\": [
  {\"backing\": \"$image\"}
]}"
ublk-ctl list | grep -q "BACKING$"
ublk-ctl list | grep -q " $image$"
ublk-ctl info "$disk" | grep -q "^BACKING $image$"
expect "$(as_user ublk-ctl list -n --raw -O backing "$disk" 2>/dev/null)" = -
mv "$image" "$image new
line"
expect "$(backing "$disk")" = "$image\\x20new\\x0aline"
rm "$image new
line"
expect "$(backing "$disk")" = "$image\\x20new\\x0aline\\x20(deleted)"
stop_disk "$disk"

# handed over as a descriptor, in the background, with memory in front; and a device
image=$(scratch 1M)
exec 6<"$image"
disk=$(ublk-file --fd=6 --cow --background)
on_exit ublk-ctl del "$disk"
expect "$(backing "$disk")" = "$image"
upper=$(start_disk file "$disk" --share --read-only)
expect "$(backing "$upper")" = "$disk"
stop_disk "$upper"
exec 6<&- 7<&- 8<&-

# loaded from an image is not kept in it
disk=$(start_disk mem --image "$image")
expect "$(backing "$disk")" = -
disk=$(start_disk null 1M)
expect "$(backing "$disk")" = -
