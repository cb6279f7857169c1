#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
#
# guest.sh - make each disk, measure the rows on it, write down what was seen
#
# What is wanted stands in the file "wanted". A line "@fact COLUMN NAME VALUE" or "@row COLUMN ROW JSON" is written for
# each figure, "@fio COLUMN ROW" before fio's own JSON, and "@note COLUMN TEXT" where there is none.
#
# shellcheck disable=SC2154 # $columns, $rows, $machine, $runtime and $thp come from "wanted"

set -u
bench=$(dirname "$(readlink -f "$0")")
# shellcheck disable=SC1091 # not there before "run" has written it
. "$bench/wanted"
# shellcheck source=tests/bench/columns.sh
. "$bench/columns.sh"

# How large and how quick to start something is does not depend on the machine
fact() {
	test "$machine" != 1 || echo "@fact $column $1 $2"
}

note() {
	echo "@note $column $*"
}

# settle SECONDS - nothing to wait for: what the kernel still does for those who have ended, or after booting, would be
# counted as somebody else's. Where nothing happens virtual time passes at once.
settle() {
	sleep "$1"
}

# --- rows

# Of what is wanted, those for a machine such as this
here() {
	case $1 in
	[0-9]cpu-*) test "${1%%cpu-*}" = "$machine" ;;
	*) test "$machine" = 1 ;;
	esac
}

wanted() {
	here "$1" || return
	case " ${rows:-$1} " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

# The rows are read from elsewhere than standard input, which fio would take
run_rows() {
	while read -r row with what bytes depth rest <&3; do
		case $row in '#'* | '') continue ;; esac
		case $what in *write) test "$writable" = 1 || continue ;; esac
		! wanted "$row" || run_row || note "row $row failed"
	done 3<"$bench/rows"
}

run_row() {
	settle 0.1
	# shellcheck disable=SC2086 # the numbers of that row
	case ${with%\~} in
	fio) run_fio $rest ;;
	thin) echo "@row $column $row $(client $rest)" ;;
	sys) count_calls $rest ;;
	esac
}

# With two processors the client has the first
on_its_processor() {
	if test "$machine" = 2; then
		taskset -c 0 "$@"
	else
		"$@"
	fi
}

# run_fio JOBS
run_fio() {
	echo "@fio $column $row"
	on_its_processor fio --name=row --filename="$node" --ioengine=io_uring --direct=1 --norandommap --time_based \
		--runtime="$runtime" --size="$span" --group_reporting --output-format=json --eta=never --thread \
		--lat_percentiles=1 --clat_percentiles=0 \
		--rw="$what" --bs="$bytes" --iodepth="$depth" --numjobs="$1" 2>&1
}

# client BATCH COUNT OPTION...
client() {
	batch=$1 count=$2 flags=
	shift 2
	case $what in *write) flags=-w ;; esac
	case $what in rand*) ;; *) flags="$flags -s" ;; esac
	for server in $servers; do flags="$flags -p $server"; done
	# shellcheck disable=SC2086 # several words
	on_its_processor "$bench/client" -b "$bytes" -q "$depth" -c "$batch" -n "$count" -l "$span" $flags "$@" "$node" 2>&1
}

# --- system calls, counted by the kernel itself for each thread

calls=/sys/kernel/debug/tracing/events/raw_syscalls/sys_enter

count_calls() {
	test -n "$servers" || return 0
	test -e $calls/hist || { note "system calls are not counted: this kernel keeps no histograms" && return; }
	echo 'hist:keys=common_pid' >$calls/trigger
	client "$@" >/dev/null
	# the client begins with two requests for each that it keeps in flight
	sum=$(calls_of_servers)
	echo '!hist:keys=common_pid' >$calls/trigger
	echo "@row $column $row $(echo "$sum $(($2 + 2 * depth))" | awk '{ printf "{\"syscalls\": %.3f}", $1 / $2 }')"
}

calls_of_servers() {
	for server in $servers; do ls "/proc/$server/task"; done | sed 's/^/thread: /' | cat - $calls/hist | awk '
		$1 == "thread:" { ours[$2] = 1 }
		$2 == "common_pid:" && $3 in ours { sum += $NF }
		END { print sum + 0 }'
}

# --- memory

# KiB of the processes, of the kind named in smaps_rollup
memory() {
	for server in $servers; do cat "/proc/$server/smaps_rollup"; done |
		awk -v kind="^$1" '$0 ~ kind { n += $2 } END { print n + 0 }'
}

note_memory() {
	test -n "$servers" || return 0
	fact "$1_rss_kib" "$(memory Rss)"
	fact "$1_private_kib" "$(memory Private_)"
	fact "$1_anonymous_kib" "$(memory Anonymous)"
}

# --- columns

# With two processors the servers have the other, wherever they wanted to be
place_servers() {
	test "$machine" = 2 || return 0
	for server in $servers; do
		taskset -a -c -p 1 "$server" >/dev/null
	done
}

measure() {
	column=$1
	if ! start_column "$column"; then
		note "LEFT OUT: $why"
		end_column
		return
	fi
	test -z "$start_ns" || fact start_ns "$start_ns"
	test -z "$program" || fact program_bytes "$(stat -L -c %s "$program")"
	place_servers
	note_memory idle
	writable=$((1 - $(blockdev --getro "$node")))
	test $writable = 0 || fill "$node" || note "$why"
	note_memory filled
	run_rows
	note_memory loaded
	end_column
}

# What stays would be in the way of the next one
end_column() {
	stop_column "$column" || note "what it was made of cannot be removed: $why"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo "@kernel $(uname -r)"
echo "@version $(ublk --version | head -n 1)"
# Whether memory happens to lie so that the kernel makes huge pages of it would decide otherwise
test -z "$thp" || echo "$thp" >/sys/kernel/mm/transparent_hugepage/enabled
settle 5
for column in $columns; do
	measure "$column"
done
exit 0
