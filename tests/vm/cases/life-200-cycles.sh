# SPDX-License-Identifier: MIT
# long
# timeout: 180
# shellcheck disable=SC2016 # the inner shell expands
about "200 disks made and removed one after the other, without a pause, leave nothing: each finds the last one gone"

first=$(ublk-mem --size 1M -- sh -c 'echo "$UBLK_DEV"')
for i in $(seq 200); do
	ublk-mem --size 1M --id "${first#/dev/ublkb}" -- true || fail "exit status $? in cycle $i"
done
