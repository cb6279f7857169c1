# SPDX-License-Identifier: MIT
about "another server takes the index of a member from its file as the first one did, and leaves it as it is"

head -c 4194304 /dev/urandom >"$case/disk"
(cd "$case" && zip -q disk.zip disk)
member() {
	disk=$(start_disk zip "$case/disk.zip" --member=disk --index-file="$case/index" "$@")
}

member --index=wait
stop_disk "$disk"
before=$(stat -c %i "$case/index")
member --recovery=reissue
kill -KILL "$(worker_pid "$disk")"
expect "$(sum <"$disk")" = "$(sum <"$case/disk")"
expect "$(server_said "$disk" | grep -c 'made anew')" = 0
stop_disk "$disk"
expect "$(stat -c %i "$case/index")" = "$before"
