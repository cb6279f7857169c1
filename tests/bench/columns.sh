# shellcheck shell=dash
# SPDX-License-Identifier: MIT
#
# columns.sh - how each disk that is compared is made and removed; guest.sh has read it
#
# start_column NAME leaves the node in $node, the processes that serve it in $servers, their program in $program and the
# nanoseconds from its exec to a usable node in $start_ns, as far as there are any; or it fails with the reason in $why.
# stop_column removes what start_column made, and nothing else, even when that failed half way. Every disk has $span
# bytes or more, and $span of them are used. What follows a + in a name is an option of that program:
# ublk-mem+--queues=1.
#
# shellcheck disable=SC2154,SC2034 # $bench, $scratch and settle come from guest.sh, and $why and $start_ns go there

span=67108864 # 64 MiB: more than what caches hold, little enough to be filled quickly

fail() {
	why=$*
	return 1
}

# What a program said, in one line
said() {
	tr '\n' ' ' <"$scratch/said"
}

# wait_for CMD... - for what appears in the kernel's own time; virtual seconds cost nothing
wait_for() {
	for _ in $(seq 200); do
		! "$@" || return 0
		sleep 0.01
	done
	fail "never came true: $*"
}

start_column() {
	node='' servers='' program='' start_ns='' why='' module='' mounted='' file=$scratch/file
	options=$(echo "$1" | cut -s -d + -f 2- | tr + ' ')
	case ${1%%+*} in
	null_blk) load null_blk nullb0 nr_devices=1 gb=1 memory_backed=0 submit_queues="$(nproc)" ;;
	brd) start_brd $span ;;
	zram) load zram zram0 num_devices=1 && echo $span >/sys/block/zram0/disksize ;;
	loop) make_file && start_loop off "$file" ;;
	loop-dio) make_file && start_loop on "$file" ;;
	loop-dio-bd) start_brd $span && start_loop on "$node" ;;
	nbd) start_nbd ;;
	kublk-null) start_kublk -t null ;;
	kublk-loop) make_file && start_kublk -t loop "$file" ;;
	kublk-loop-bd) start_brd $span && start_kublk -t loop "$node" ;;
	ublk-mem | ublk-null) start_ublk "${1%%+*}" --size=$span ;;
	ublk-file) make_file && start_ublk ublk-file "$file" ;;
	ublk-file-bd) start_brd $span && start_ublk ublk-file "$node" ;;
	ublk-file-ext4) make_ext4_file && start_ublk ublk-file "$file" ;;
	ublk-zip) make_file && start_zip ;;
	ublk-zip-ext4) make_ext4_file && start_zip ;;
	*) fail "no column is called so" ;;
	esac
}

stop_column() {
	case $1 in
	loop*) losetup -d "$node" ;;
	nbd) stop_nbd ;;
	kublk-*) "$bench/kublk" del -n 0 ;;
	ublk-*) test -z "$servers" || stop_ublk ;;
	esac >/dev/null 2>&1
	rm -f "$file" "$file.zip"
	test -z "$mounted" || wait_for umount "$mounted" 2>/dev/null
	test -z "$module" || wait_for modprobe -r "$module" 2>/dev/null
}

# --- those of the kernel

# load MODULE NODE OPTION...
load() {
	module=$1 node=/dev/$2
	shift 2
	modprobe "$module" "$@" || fail "there is no module $module"
}

# start_brd BYTES
start_brd() {
	load brd ram0 rd_nr=1 rd_size=$(($1 / 1024)) max_part=0
}

# start_loop DIRECT FILE
start_loop() {
	node=$(losetup --find --show --direct-io="$1" "$2") || fail "losetup cannot make it"
}

# --- files

make_file() {
	truncate -s $span "$file"
	fill "$file"
}

make_ext4_file() {
	start_brd $((4 * span)) && mkfs.ext4 -q "$node" && mount "$node" /mnt || fail "there is no ext4" || return
	mounted=/mnt file=/mnt/file
	make_file
}

# fill NODE - write to all of it, so that nobody answers from a hole; and with all of it in flight at once, so that no
# buffer of a server stays untouched: the kernel is slow to copy from memory that nobody has written to
fill() {
	"$bench/client" -w -s -b 1048576 -q 128 -n 128 -l $span "$1" >"$scratch/said" 2>&1 || fail "cannot fill it: $(said)"
}

# --- those in processes

# best_of_three CMD... - the least of what it prints
best_of_three() {
	for _ in 1 2 3; do "$@"; done 2>/dev/null | sort -n | head -n 1
}

# start_ublk APPLET ARG...
start_ublk() {
	program=$(command -v "$1") || fail "this ublk has no applet $1" || return
	# shellcheck disable=SC2086 # several options
	set -- "$@" $options
	start_ns=$(best_of_three until-ready "$@")
	node=$("$@" --background --pidfile="$scratch/pid" 2>"$scratch/said") || fail "$*: $(said)" || return
	keeper=$(cat "$scratch/pid")
	settle 0.1 # a child that only helped at the start has ended then
	servers="$keeper $(cat "/proc/$keeper/task/$keeper/children")"
}

# The file as a stored member, beside it
start_zip() {
	zip -q0 -j "$file.zip" "$file" && start_ublk ublk-zip "$file.zip" --member=file
}

stop_ublk() {
	kill "$keeper"
	wait_for gone "$keeper"
}

gone() {
	! test -d "/proc/$1"
}

# What its "add" starts goes on in the background. It gets the number 0: no other ublk device is there.
start_kublk() {
	test -x "$bench/kublk" || fail "$no_kublk" || return
	program=$bench/kublk
	modprobe ublk_drv
	# shellcheck disable=SC2086 # several options
	set -- -n 0 -q 1 -d 128 $options "$@"
	start_ns=$(best_of_three time_kublk "$@")
	"$program" add "$@" >"$scratch/said" 2>&1 || fail "kublk: $(said)" || return
	node=/dev/ublkb0
	wait_for test -b $node || return
	servers=$(pidof kublk)
}

time_kublk() {
	until-ready "$program" add "$@"
	"$program" del -n 0 >&2
}

# A program that came with its own libraries
with_libraries() {
	LD_LIBRARY_PATH=$bench/nbd "$@"
}

start_nbd() {
	test -d "$bench/nbd" || fail "$no_nbd" || return
	load nbd nbd0 nbds_max=1 max_part=0 || return
	program=$bench/nbd/nbdkit
	with_libraries "$program" --unix="$scratch/socket" --pidfile="$scratch/pid" \
		"$bench/nbd/nbdkit-memory-plugin.so" $span || fail "nbdkit does not start" || return
	servers=$(cat "$scratch/pid")
	with_libraries "$bench/nbd/nbd-client" -unix "$scratch/socket" "$node" >"$scratch/said" 2>&1 ||
		fail "nbd-client: $(said)"
}

stop_nbd() {
	with_libraries "$bench/nbd/nbd-client" -d "$node"
	test -z "$servers" || kill "$servers"
}
