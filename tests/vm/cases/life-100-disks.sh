# SPDX-License-Identifier: MIT
# long
# timeout: 300
# vm: --mem 3G
about "100 disks at a time: made, used, listed, and gone soon after SIGTERM; and when everything is killed at once prune removes all"

make_all() {
	local began

	began=$(up)
	for _ in $(seq 100); do
		ublk-mem 1M --queues=1 --depth=8 --background >>"$case/disks"
	done
	expect "$(ublk-ctl list -n --raw -O state | grep -c live)" = 100
	remark "longest: $(($(up) - began)) ms for 100 disks to be made one after the other"
}
on_exit "ublk-ctl del -a --force --quiet"
make_all
while read -r disk; do pattern 4K "$disk" | write_at "$disk" 512K; done <"$case/disks"
while read -r disk; do expect "$(read_at "$disk" 512K 4K | sum)" = "$(pattern 4K "$disk" | sum)"; done <"$case/disks"
began=$(up)
# shellcheck disable=SC2046 # a word for each
kill -TERM $(ublk-ctl list -n --raw -O keeper)
nothing() {
	test "$(find /sys/class/ublk-char/ -name 'ublkc*' | wc -l)" = 0
}
wait_until 60 nothing
remark "longest: $(($(up) - began)) ms for 100 disks to go after SIGTERM"

: >"$case/disks"
make_all
# shellcheck disable=SC2046
kill -KILL $(ublk-ctl list -n --raw -O keeper,pid)
expect_status 0 ublk-ctl prune
wait_until 10 nothing
counted_as 200 "disks made, of which half ended by kill -9"
