# SPDX-License-Identifier: MIT
about "what users of ublksrv type does what they mean: ublk add, list, features and del; recover waits for what comes back"

column() {
	ublk list -n --raw -b -O "$1" "$2"
}

disk=$(ublk add -t null -q 1 -d 64 -n 9 -u 1 -g 0 --unprivileged 2>"$case/notes")
expect "$disk" = /dev/ublkb9
expect "$(column type,queues,depth 9)" = "null 1 64"
expect_status 0 ublk list -n 9
expect_said '^/dev/ublkb9 '
ublk features | grep -q '^NEED_GET_DATA '
ublk del -n 9
expect ! -e "$disk"

image=$(scratch 8M)
disk=$(ublk add -t loop -f "$image" --offset=4M --buffered_io -r 0)
expect "$(column type,size,backing "$disk")" = "file 4194304 $image"
ublk del --number="$disk"
disk=$(ublk-ctl add -t mem 2M -g 1 --max_io_buf_bytes=64K)
expect "$(column type,size,maxio,io "$disk")" = "mem 2097152 65536 get-data"
ublk del -a
expect "$(ublk list)" = ""

# what the server of the kernel's own tests has besides
memory=$(mktemp /dev/shm/XXXXXX)
on_exit rm -f "$memory"
truncate -s 4M "$memory"
for option in -b:BATCH_IO --auto_zc:AUTO_BUF_REG "--htlb=$memory:SHMEM_ZC" --no_auto_part_scan:NO_AUTO_PART_SCAN; do
	ublk features | grep -q "^${option##*:} .* yes " || continue
	disk=$(ublk add -t null "${option%:*}")
	column flags "$disk" | grep -qw "${option##*:}"
	ublk del "$disk"
done

# in the foreground its life is that of the program
ublk add -t null --foreground >"$case/path" &
server=$!
wait_until 10 test -s "$case/path"
kill $server
wait $server
expect ! -e "$(cat "$case/path")"

for recovery in r:USER_RECOVERY i:USER_RECOVERY_REISSUE e:USER_RECOVERY_FAIL_IO; do
	ublk features | grep -q "^${recovery#*:} .* yes " || continue
	disk=$(ublk add -t mem -s 1M "-${recovery%:*}" 1)
	column flags "$disk" | grep -qw "${recovery#*:}"
	ublk del "$disk"
done
disk=$(ublk add -t mem -s 1M -q 1 -r 1 -i 1)
expect_status 0 ublk recover "$disk"
worker=$(column pid "$disk")
kill -KILL "$worker"
wait_until 20 has_ended "$worker"
expect_status 0 ublk recover -n "${disk#/dev/ublkb}"
expect_status 0 ublk status "$disk"
ublk del "$disk"
expect_status 6 ublk recover "$disk"
disk=$(ublk add -t null -q 1 -r 1)
kill -KILL "$(column keeper "$disk")"
is_lost() {
	ublk recover --timeout=0 "$disk" 2>/dev/null && return 1
	test $? = 4
}
wait_until 10 is_lost
expect_status 4 ublk recover "$disk"
expect_said 'nobody who could serve it again' 'ublk-ctl del --force'
ublk del --force "$disk"
expect_status 2 ublk add -t qcow2 -f x
expect_said 'not qcow2'
expect_status 2 ublk add
# shellcheck disable=SC2046 # more words than it has room for
expect_status 2 ublk add -t mem $(seq 30)
expect_status 2 ublk add -t null -q many
# every option there is
expect_status 2 ublk add -t loop -f "$image" -n 1 -q 1 -d 1 --max_io_buf_bytes=1M -s 1M --offset=1M -z -r 1 --buffered_io \
	--dev-dir=/dev --quiet -vv --htlb=x --no_auto_part_scan more
expect_status 2 ublk del
expect_status 2 ublk del -a -n 3
