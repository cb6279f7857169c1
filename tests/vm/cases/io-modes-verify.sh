# SPDX-License-Identifier: MIT
# timeout: 180
about "what is written through every --io mode of this kernel is read back and in the file: tmpfs, ext4, xfs, a block device"

requires fio

# All that --io takes but auto
modes() {
	ublk-file "--io=?" x 2>&1 | sed -n 's/.* is one of auto, \(.*\), not .*/\1/p' | tr -d ,
}

# Those of them that this kernel has; io-modes-* say which these must be
had() {
	for mode in $(modes); do
		ublk-file "$case/probe" --io="$mode" -- true >"$case/said" 2>&1 && echo "$mode" && continue
		expect_said "--io=$mode: this kernel has no"
	done
}

# file_system TYPE - mounted in $case/TYPE
file_system() {
	modprobe "$1"
	image=$(scratch 300M)
	mkfs."$1" -q "$image"
	mkdir "$case/$1"
	mount -o loop "$image" "$case/$1"
	on_exit umount "$case/$1"
}

# files DIR DIRECT... - one of 2M for each mode, named for both
files() {
	dir=$1
	shift
	for direct; do
		for mode in $had; do
			truncate -s 2M "$dir/$mode-$direct"
		done
	done
}

# on FILE - a disk that moves bytes as the file's name says
on() {
	name=${1##*/}
	disk=$(start_disk file "$1" --io="${name%-*}" --direct-io="${name##*-}" --depth 16 -v)
	server_said "$disk" | grep -q "bytes travel by ${name%-*}:" || fail "$name: $(server_said "$disk")"
	printf '[%s]\nfilename=%s\n' "$1" "$disk" >>"$case/jobs"
	disks="$disks $disk"
}

truncate -s 1M "$case/probe"
had=$(had)
expect -n "$had"
mkdir "$case/tmpfs" "$case/ram"
files "$case/tmpfs" off
file_system ext4
files "$case/ext4" on off
file_system xfs
files "$case/xfs" on
n=0
modprobe brd rd_nr="$(echo "$had" | wc -w)" rd_size=2048
on_exit rmmod brd
for mode in $had; do
	ln -s /dev/ram$n "$case/ram/$mode-on"
	n=$((n + 1))
done

disks=
for file in "$case"/tmpfs/* "$case"/ext4/*-* "$case"/xfs/* "$case"/ram/*; do
	on "$file"
done
fio --direct=1 --ioengine=io_uring --iodepth=8 --size=2M --rw=randwrite --bsrange=512-256k --blockalign=512 \
	--verify=crc32c --do_verify=1 --verify_fatal=1 --verify_state_save=0 "$case/jobs" >"$case/fio" 2>&1 ||
	fail "$(cat "$case/fio")"
# shellcheck disable=SC2086 # a word for each disk
sync $disks
# shellcheck disable=SC2086
blockdev --flushbufs $disks
# shellcheck disable=SC2086
md5sum $disks | cut -d ' ' -f 1 >"$case/sums"
sed -n 's/^\[\(.*\)\]/\1/p' "$case/jobs" | xargs md5sum | paste -d ' ' "$case/sums" - >"$case/both"
expect "$(grep -c . "$case/both")" = "$(echo "$disks" | wc -w)"
expect "$(awk '$1 != $2' "$case/both")" = ""
