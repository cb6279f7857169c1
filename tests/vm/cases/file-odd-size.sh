# SPDX-License-Identifier: MIT
about "of a file whose size is no multiple of the sector the last bytes are left out, which is said, and stay as they are"

pattern 70000 1 >"$case/file"
for sector in 512 4096; do
	left=$((70000 % sector))
	disk=$(start_disk file "$case/file" --sector-size $sector)
	expect "$(blockdev --getsize64 "$disk")" = $((70000 - left))
	server_said "$disk" >"$case/said"
	expect_said "$case/file is no multiple of $sector bytes: its last $left are left out"
	dd if=/dev/zero of="$disk" bs=$sector count=$((70000 / sector)) oflag=direct conv=nocreat status=none
	stop_disk "$disk"
	expect "$(head -c $((70000 - left)) "$case/file" | tr -d '\0' | wc -c)" = 0
	expect "$(tail -c $left "$case/file")" = "$(pattern 70000 1 | tail -c $left)"
	expect "$(stat -c %s "$case/file")" = 70000
	pattern 70000 1 >"$case/file"
done
