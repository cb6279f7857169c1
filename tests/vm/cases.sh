#!/bin/bash
# SPDX-License-Identifier: MIT
#
# cases.sh - run the cases in as few virtual machines as possible, and say how many passed
#
# Cases with the same line "# vm: OPTIONS" (of "run") share a machine, and those with a line "# vm-own" have one of
# their own. A case that a machine was to run and did not report is a failure. When all have reported the last line is
# "N passed, N failed, N skipped"; a kernel that cannot be had skips everything, loudly.

set -eu
shopt -s extglob

usage() {
	cat <<-'END'
	usage: tests/vm/cases.sh [--kernel NAME|DIR] [--jobs N] [--long] [CASE]...

	  --kernel NAME|DIR  as for tests/vm/run (6.12)
	  --jobs N           machines at the same time (three for two processors, since each waits a third of its time)
	  --long             when no CASE is given: those with a line "# long", in place of those without
	  --again            at most three that fail are run once more, each alone, and said to be unsteady if they pass then
	  CASE               a name in tests/vm/cases, or a file; all that do not take long when none is given

	Exit status: 0 when none failed, 1 otherwise, 2 for wrong usage.
	END
}

misused() {
	echo "cases: $* (--help lists the options)" >&2
	exit 2
}

# --- what is asked for

parse() {
	while [ $# -gt 0 ]; do
		case $1 in
		--kernel | --jobs)
			[ $# -ge 2 ] || misused "$1 needs a value"
			[ "$1" = --jobs ] && jobs=$2 || kernel=$2
			shift
			;;
		--long) long=yes ;;
		--again) again=yes ;;
		--help | -h) usage && exit 0 ;;
		-*) misused "there is no option $1" ;;
		*) find_case "$1" ;;
		esac
		shift
	done
	[[ $jobs =~ ^[1-9][0-9]?$ ]] || misused "--jobs $jobs: this is no number of machines"
	[ ${#files[@]} -gt 0 ] || find_all
	[ -e "${files[0]}" ] || misused "there are no cases in $here/cases"
}

find_all() {
	if [ $long = yes ]; then
		mapfile -t files < <(grep -l '^# long$' "$here"/cases/*.sh)
	else
		mapfile -t files < <(grep -L '^# long$' "$here"/cases/*.sh)
	fi
}

find_case() {
	local file

	for file in "$1" "$here/cases/$1" "$here/cases/$1.sh"; do
		if [ -f "$file" ]; then
			files+=("$(readlink -f "$file")")
			return
		fi
	done
	misused "there is no case $1"
}

header() {
	sed -n "s/^# $1: *//p" "$2" | head -n 1
}

# --- which case goes into which machine: machine N has its options in options[N] and its files in $work/N.files

group() {
	local file options_of

	for file in "${files[@]}"; do
		options_of=$(header vm "$file")
		if grep -q '^# vm-own' "$file"; then
			new_machine "$options_of"
			echo "$file" >"$work/$machine.files"
		else
			echo "$file" >>"$work/shared:${options_of// /,}"
		fi
	done
	split_shared
}

new_machine() {
	machine=${#options[@]}
	options+=("$1")
}

# A machine takes seconds to start: a few cases stay together, many are dealt out to as many machines as run at once.
split_shared() {
	local list share count

	for list in "$work"/shared:*; do
		[ -e "$list" ] || continue
		count=$(($(wc -l <"$list") >= 6 ? jobs : 1))
		for ((share = 0; share < count; share++)); do
			options_of=${list#"$work"/shared:}
			new_machine "${options_of//,/ }"
			awk -v n="$count" -v k="$share" 'NR % n == k' "$list" >"$work/$machine.files"
		done
	done
}

# --- one machine

# The longest that its cases may take together, and some more for each to be cleaned up after
time_limit() {
	local sum=120 file limit

	while read -r file; do
		limit=$(header timeout "$file")
		sum=$((sum + ${limit:-120} + 15))
	done <"$work/$1.files"
	echo $sum
}

# start MACHINE - in the background; what it says goes to $work/MACHINE.log
start() {
	local arguments=() inside=() file

	mkdir "$work/$1.d"
	while read -r file; do
		cp "$file" "$work/$1.d/"
		inside+=("/add/$1.d/$(basename "$file")")
	done <"$work/$1.files"
	# shellcheck disable=SC2206 # options are words
	arguments=(--kernel "$kernel" --timeout "$(time_limit "$1")" ${options[$1]} --add "$work/$1.d")
	"$here/run" "${arguments[@]}" -- /tests/run-cases "${inside[@]}" >"$work/$1.log" 2>&1 </dev/null &
	running[$!]=$1
}

finish_one() {
	local pid

	wait -n -p pid "${!running[@]}" || true
	report "${running[$pid]}"
	unset "running[$pid]"
}

# --- what came out

report() {
	local log=$work/$1.log name missing=() file

	sed '/^cases: /d; /^vm: /,$d' "$log"
	while read -r file; do
		name=$(basename "$file" .sh)
		grep -Eq "^(not )?ok $name( |\$)" "$log" || missing+=("$name")
	done <"$work/$1.files"
	for name in "${missing[@]}"; do
		echo "not ok $name - it never reported; the machine ended before" | tee -a "$work/missing"
	done
	[ ${#missing[@]} = 0 ] || sed -n '/^vm: /,$ { s/^/    /; p }' "$log"
	count "$log" ${#missing[@]}
}

count() {
	local skips

	skips=$(grep -c '^ok .* # SKIP' "$1" || true)
	skipped=$((skipped + skips))
	passed=$((passed + $(grep -c '^ok ' "$1" || true) - skips))
	failed=$((failed + $(grep -c '^not ok ' "$1" || true) + $2))
}

# Two machines on a few processors may just have been too slow for a case; a defect that comes and goes is one as well.
run_again() {
	local file name first=${#options[@]} before

	for file in "${files[@]}"; do
		name=$(basename "$file" .sh)
		if grep -Eqs "^not ok $name( |\$)" "$work"/*.log "$work/missing"; then
			new_machine "$(header vm "$file")"
			echo "$file" >"$work/$machine.files"
		fi
	done
	[ $((${#options[@]} - first)) -le 3 ] || return 0
	for ((machine = first; machine < ${#options[@]}; machine++)); do
		name=$(basename "$(cat "$work/$machine.files")" .sh)
		echo "# $name failed, and is run once more, alone"
		before=("$passed" "$failed" "$skipped")
		start "$machine"
		finish_one
		failed=${before[1]} skipped=${before[2]}	# that it failed has been counted
		[ "$passed" != "${before[0]}" ] || continue
		failed=$((failed - 1)) unsteady=$((unsteady + 1))
		echo "# UNSTEADY: $name failed the first time and passed the second"
	done
}

summary() {
	[ $unsteady = 0 ] || echo "# $unsteady passed the second time only"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed = 0 ]
}

skip_all() {
	local file why

	why=$(tail -n 1 "$work/kernel")
	echo "cases: ALL CASES ARE SKIPPED: $why" >&2
	for file in "${files[@]}"; do
		echo "ok $(basename "$file" .sh) # SKIP $why"
	done
	skipped=${#files[@]}
	summary
	exit
}

# Fetch it and build its image before the machines start, which would otherwise all do it at once
prepare() {
	local status=0 dir

	case $kernel in
	*/*) dir=$kernel ;;
	*) dir=$("$here/kernel.sh" "$kernel" 2>"$work/kernel") || status=$? ;;
	esac
	[ $status != 4 ] || skip_all
	[ $status = 0 ] || { cat "$work/kernel" >&2 && exit 1; }
	"$here/image.sh" "$dir" >/dev/null
}

# shellcheck disable=SC2317 # called when the script ends
clean() {
	trap '' HUP INT TERM
	[ ${#running[@]} = 0 ] || kill "${!running[@]}" 2>/dev/null || true
	wait
	rm -rf "$work"
}

here=$(cd "$(dirname "$0")" && pwd)
kernel=6.12 jobs=$(($(nproc) * 3 / 2)) long=no again=no files=() options=() passed=0 failed=0 skipped=0 unsteady=0
declare -A running=()

parse "$@"
work=$(mktemp -d)
trap clean EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
prepare
group
for machine in "${!options[@]}"; do
	[ ${#running[@]} -lt "$jobs" ] || finish_one
	start "$machine"
done
while [ ${#running[@]} -gt 0 ]; do
	finish_one
done
[ $again = no ] || run_again
summary
