# SPDX-License-Identifier: MIT
about "errors of a library disk's functions reach who reads or writes there, and nobody else; what cannot be is returned"

img=$(scratch 32M)
own-disk 1 "$img" --bad=9M --code=28 --no-partscan >"$case/out" 2>"$case/err" &
pid=$!
on_exit "kill $pid 2>/dev/null || true"
wait_until 20 test -s "$case/out"
disk=$(sed -n "s/^ready //p" "$case/out")
expect_status 1 dd if=/dev/zero of="$disk" bs=4k count=1 seek=9M oflag=direct,seek_bytes conv=notrunc
expect_said 'No space left on device'
expect_status 1 dd if="$disk" of=/dev/null bs=4k count=1 skip=9M iflag=direct,skip_bytes
pattern 4K 1 | dd of="$disk" bs=4k seek=2304 count=0 conv=notrunc status=none
pattern 4K 1 | dd of="$disk" bs=4k seek=2305 oflag=direct conv=notrunc status=none
expect "$(tail -c +9441281 "$img" | head -c 4096 | sum)" = "$(pattern 4K 1 | sum)"
kill -TERM $pid
wait $pid
grep -q "^returned 0" "$case/out"

# returned OPTION... - what ublk_serve() says of them
returned() {
	own-disk 1 "$@" 2>"$case/err" | sed -n 's/^returned \([-0-9]*\),.*/\1/p'
}
expect "$(returned "$img" --queues=2)" = -22
grep -q 'served by one thread' "$case/err"
expect "$(returned "$img" --unknown)" = -22
expect "$(returned "$img" -- true)" = -22
expect "$(returned "$case/nothing")" = -5
grep -q "^<3> cannot open $case/nothing: No such file or directory" "$case/err"
disk=$(start_disk xor 16M)
expect "$(returned "$img" --id="${disk#/dev/ublkb}")" = -16
chmod 600 /dev/ublk-control
chmod 755 "$case"
chmod 666 "$img"
expect "$(as_user own-disk 1 "$img" 2>"$case/err" | sed -n 's/^returned \([-0-9]*\),.*/\1/p')" = -13
