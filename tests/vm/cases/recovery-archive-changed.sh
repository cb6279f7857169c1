# SPDX-License-Identifier: MIT
# long
about "an archive that was written to is not served by another server as if it were the one that is mounted; with --on-change=ignore it is"

# packed NAME - an archive of a stored file, whose contents is NAME's: another one differs in nothing else
packed() {
	mkdir "$case/$1"
	pattern 256K "$1" >"$case/$1/file"
	(cd "$case/$1" && zip -q0 "../$1.zip" file)
}

mounted() {
	cp "$case/old.zip" "$case/app.zip"
	disk=$(start_disk zip "$case/app.zip" --recovery=reissue "$@")
	mount -t erofs -o ro "$disk" "$case/mnt"
	on_exit "umount $case/mnt 2>/dev/null || true"
	cat "$case/new.zip" >"$case/app.zip"
	kill -KILL "$(worker_pid "$disk")"
}

modprobe erofs
mkdir "$case/mnt"
packed old
packed new
allow_dmesg 'I/O error, dev ublkb|erofs'

mounted --on-change=ignore
expect "$(sum <"$case/mnt/file")" = "$(sum <"$case/new/file")"
umount "$case/mnt"
stop_disk "$disk"

mounted
expect_status 2 cmp "$case/mnt/file" "$case/new/file"
expect_said 'Input.output error'
expect "$(server_status "$disk")" = 1
server_said "$disk" >"$case/said"
expect_said 'app.zip was changed while it is served: it was written to' 'giving up'
