# SPDX-License-Identifier: MIT
about "an --offset at the end of the file or after it is refused, and so is a window that holds no whole sector"

image=$(scratch 1M)
for offset in 1048576 1048577 1G 7E; do
	expect_status 1 timeout 10 ublk-file "$image" --offset $offset
	expect_said "^ublk-file: --offset [0-9]+: $image ends at 1048576$"
done
expect_status 1 timeout 10 ublk-file "$image" --offset 1048065
expect_said "$image has no whole sector of 512 bytes"
expect_status 1 timeout 10 ublk-file "$image" --sizelimit 511
expect_said "$image has no whole sector of 512 bytes"
expect_status 1 timeout 10 ublk-file "$image" --sizelimit 4095 --sector-size 4096
expect_said "$image has no whole sector of 4096 bytes"
expect_status 2 ublk-file "$image" --offset 8E
expect_status 0 ublk-file "$image" --offset 1048064 -- sh -c 'test "$(blockdev --getsize64 "$UBLK_DEV")" = 512'
expect "$(ublk-ctl list -n)" = ""
