# SPDX-License-Identifier: MIT
about "an archive that cannot be served is refused with its reason before there is a disk, and so are options that make no sense"

mkdir "$case/tree"
pattern 64K >"$case/tree/file"
(cd "$case/tree" && zip -q ../good.zip file && zip -q -P secret ../secret.zip file)
head -c 10000 /dev/urandom >"$case/noise"
: >"$case/empty"

refused() {
	wanted=$1
	shift
	expect_status "${status:-1}" timeout 20 ublk-zip "$@"
	expect_said "$wanted"
	expect "$(grep -c 'server process ended' "$case/said")" = 0	# it did not crash
}

refused 'no zip archive' "$case/noise"
refused 'no zip archive' "$case/noise" --member file
refused 'is empty' "$case/empty"
refused 'No such file' "$case/nowhere"
refused 'Is a directory' "$case/tree"
status=4 refused 'encrypted' "$case/secret.zip"
refused 'holds no nobody' "$case/good.zip" --member nobody
status=2
refused 'which archive' --list
refused 'exclude each other' "$case/good.zip" --fd 0
refused 'give its name with --member' "$case/good.zip" --index-file "$case/index"
refused 'is root, archive, or two numbers' "$case/good.zip" --owner nobody
expect ! -e "$case/index"

# what is refused can be shown, or hidden
disk=$(start_disk zip "$case/secret.zip" --unsupported eio)
modprobe erofs
mkdir "$case/mnt"
mount -t erofs -o ro "$disk" "$case/mnt"
on_exit "umount $case/mnt 2>/dev/null || true"
expect -f "$case/mnt/file"
expect_status 1 cat "$case/mnt/file"
umount "$case/mnt"
stop_disk "$disk"
expect_status 0 ublk-zip --list "$case/secret.zip"
expect_said 'encrypted .* file'
