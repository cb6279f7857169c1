# SPDX-License-Identifier: MIT
# long
# timeout: 2400
about "a thousand servers, of every kind of disk and every way for bytes, are killed, 200 exchanged, 200 quiesced and recovered where the kernel can, under a load that verifies: no error, no lost byte"

# load DISK - 24 MiB, written and read back until the file named enough is there; its longest wait is kept
load() {
	while test ! -e "$case/enough"; do
		fio --name=load --filename="$1" --rw=randwrite --bsrange=4k-64k --iodepth=32 --ioengine=libaio --direct=1 --size=24M \
			--verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 --output-format=json \
			--output="$case/fio" >"$case/fio.said" 2>&1 || fail "fio has seen an error: $(cat "$case/fio.said" "$case/fio" | head -n 40)"
		jq '[.jobs[] | .read.clat_ns.max, .write.clat_ns.max] | max / 1e6 | floor' "$case/fio" >>"$case/waits"
	done
}

# reads_alike DISK FILE - again and again, past every cache
reads_alike() {
	while test ! -e "$case/enough"; do
		test "$(dd if="$1" bs=64k iflag=direct status=none | sum)" = "$(sum <"$2")" || fail "$1 reads wrong"
	done
}

# exchanged DISK, held DISK - the server that has just come goes again, for another one at once or when that is asked for
exchanged() {
	wait_until 60 another_serves "$1" "$shot"
	ublk-ctl upgrade "$1"
	exchanges=$((exchanges + 1))
}
held() {
	ublk-ctl list -n --raw -O flags "$1" | grep -q QUIESCE || return 0
	wait_until 60 another_serves "$1" "$shot"
	ublk-ctl quiesce "$1"
	ublk-ctl recover "$1"
	holds=$((holds + 1))
}

# hammer KILLS DISK LOAD... - which runs meanwhile; of five servers that come after a kill one is exchanged, one is held
hammer() {
	local kills="$1" disk="$2" loaded

	shift 2
	rm -f "$case/enough"
	"$@" &
	loaded=$!
	while test "$kills" -gt 0; do
		kill_worker "$disk"
		kills=$((kills - 1)) killed=$((killed + 1))
		case $((kills % 5)) in
		0) exchanged "$disk" ;;
		2) held "$disk" ;;
		esac
	done
	: >"$case/enough"
	wait "$loaded" || fail "$disk: the load ended with status $?"
}

# served KILLS APPLET ARG... - a disk under load whose servers are killed
served() {
	kills=$1
	shift
	disk=$(start_disk "$@" --queues 2 --depth 32)
	hammer "$kills" "$disk" load "$disk"
	stop_disk "$disk"
	echo "ublk-$*: $kills"
}

modes() {
	ublk-file "--io=?" x 2>&1 | sed -n 's/.* is one of auto, \(.*\), not .*/\1/p' | tr -d ,
}
had() {
	ublk-file "$case/lower" --supervise --io="$1" -- true >/dev/null 2>&1
}

requires fio jq zip
killed=0 exchanges=0 holds=0
truncate -s 64M "$case/lower"
for mode in $(modes); do
	! had "$mode" || served 100 file "$case/lower" --supervise --io="$mode"
done
lower=$(losetup -f --show "$case/lower")
on_exit losetup -d "$lower"
served 200 file "$lower" --supervise
served 300 mem 32M --supervise
served 100 mem 64M --supervise --limit 48M
served 100 mem 32M --supervise --io=copy
if ublk-mem 32M --supervise --shared-memory="$case/region" -- true >/dev/null 2>&1; then
	served 100 mem 32M --supervise --shared-memory="$case/region"
fi

pattern 8M 7 >"$case/member"
(cd "$case" && zip -q archive.zip member)
disk=$(start_disk zip "$case/archive.zip" --member=member --supervise)
hammer 100 "$disk" reads_alike "$disk" "$case/member"
stop_disk "$disk"

expect "$killed" -ge 1000
expect "$exchanges" -ge 200
! ublk-ctl features | grep -Eq '^QUIESCE +[0-9.]+ +yes' || expect "$holds" -ge 200
counted_as "$killed" "servers killed under a load that verifies"
counted_as "$exchanges" "servers exchanged under a load that verifies"
counted_as "$holds" "servers quiesced and recovered under a load that verifies"
remark "the longest that a request waited: $(sort -n "$case/waits" | tail -n 1) ms"
