# SPDX-License-Identifier: MIT
# long
# timeout: 400
about "a disk under load that is deleted while its server is told to end, or killed, or its worker is: it goes, clients get errors, and nothing hangs"

allow_dmesg 'I/O error|Buffer I/O error'
requires fio
gone() {
	test $end != kill || ublk-ctl prune >/dev/null 2>&1 || true
	test ! -e "/sys/class/ublk-char/ublkc$1"
}
longest=0 races=0
for round in $(seq 15); do
	for end in term kill worker del; do
		# shellcheck disable=SC2046 # an option or none
		disk=$(ublk-mem 16M --queues=2 --background $(test $((round % 2)) = 0 || echo --supervise) 2>"$case/said")
		number=${disk#/dev/ublkb}
		keeper=$(ublk-ctl list -n --raw -O keeper "$disk") worker=$(ublk-ctl list -n --raw -O pid "$disk")
		dd if=/dev/zero of="$disk" bs=64k oflag=direct conv=nocreat,notrunc status=none 2>/dev/null &
		dd=$!
		dd if="$disk" of=/dev/null bs=4k iflag=direct status=none 2>/dev/null &
		began=$(up)
		ublk-ctl del --force --quiet "$number" 2>/dev/null &
		del=$!
		case $end in
		term) kill -TERM "$keeper" 2>/dev/null || true ;;
		kill) kill -KILL "$keeper" "$worker" 2>/dev/null || true ;;
		worker) kill -KILL "$worker" 2>/dev/null || true ;;
		del) ublk-ctl del --force --quiet "$number" 2>/dev/null || true ;;
		esac
		wait $del || true # who was quicker
		wait $dd || true
		wait
		wait_until 20 gone "$number"
		took=$(($(up) - began))
		test $took -le $longest || longest=$took
		races=$((races + 1))
	done
done
remark "longest: $longest ms from the first of both to the end of the disk"
counted_as $races "disks deleted and ended at the same time"
