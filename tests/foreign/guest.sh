#!/bin/sh
# shellcheck shell=dash
# SPDX-License-Identifier: MIT
#
# guest.sh VERBOSE SUITE SCRIPT... - run scripts of the kernel's own tests in the virtual machine, with ublk as kublk
#
# A line for each: "ok NAME", "not ok NAME" with what it said below, or "ok NAME # SKIP why". A script has failed when
# it ends badly, says of a part of itself that this failed (whose status it may forget), takes too long, or leaves a
# device, process or mount, or a complaint of the kernel's. It was skipped when it says so, or our kublk had to refuse
# something. Where only some of its lines ask for what we do not have, it is run without these, and that is said. What
# has to fail, and why, stands in the file "assumes"; it counts as skipped.

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/vm/lib.sh
. /tests/lib.sh

verbose=$1 # yes: show what all said
suite=$2
shift 2
export case runner_session before NOTES TMPDIR
runner_session=$(sessions | awk -v pid=$$ '$1 == pid { print $2 }')
before=/vm/before
limit=600 # seconds, four times what the suite says: emulated processors are slow

# --- lines that ask for what we do not have

# why_not LINE - prints what kublk would say of a line that makes a disk
why_not() {
	set -f
	# shellcheck disable=SC2046 # words as they stand there
	set -- $(echo "-${1#* -}" | tr -d '"();&\134')
	set +f
	"$suite/kublk" lack "$@"
}

# Writes the script without them to $case/trimmed, and why to $case/without. $left is whether anything would be left.
trim() {
	left=no
	: >"$case/without"
	while IFS= read -r line; do
		why=
		case $line in
		*ublk*' -t '[a-z]*)
			why=$(why_not "$line")
			test -n "$why" || left=yes
			;;
		esac
		if test -n "$why"; then
			echo "$why" >>"$case/without"
			echo :
		else
			printf '%s\n' "$line"
		fi
	done <"$1" >"$case/trimmed"
}

# --- one script

begin() {
	case=$(mktemp -d /tmp/case.XXXXXX)
	NOTES=$case/notes TMPDIR=$case/tmp
	mkdir "$TMPDIR"
	: >"$case/allowed"
	: >"$case/leftovers"
	: >"$NOTES"
	echo "$1: $case begins" >/dev/kmsg
	test -e $before || state >$before
	trim "$suite/test_$1.sh"
	cp "$case/trimmed" "$suite/test_$1.sh"
}

# What the suite leaves to the end of its processes takes its time; udev's own are none of ours. A fio that is slow to
# begin finds its disk gone, and makes a file of that name.
find_leftovers() {
	find /dev -maxdepth 1 -name 'ublkb*' -type f -delete
	for _ in $(seq 100); do
		leftovers | grep -v udev >"$case/leftovers"
		grep -qv '^kernel:' "$case/leftovers" || break
		sleep 0.25
	done
}

remove_leftovers() {
	awk '$1 == "mount" { print $2 }' "$case/leftovers" | sort -r | xargs -r -n 1 umount -l
	awk '$1 == "process" { print $2 }' "$case/leftovers" | xargs -r kill -CONT
	timeout -s KILL 60 ublk-ctl del -a --force
	awk '$1 == "process" { print $2 }' "$case/leftovers" | xargs -r kill -KILL
	rm -f $before
} >/dev/null 2>&1

# The suite seldom says why it skips
its_own_reason() {
	sed -n 's/^SKIP: //p; /^Requires/p' "$case/output"
	grep -o '_have_program [a-z_]*' "$suite/test_$1.sh" | while read -r _ program; do
		command -v "$program" >/dev/null || echo "there is no $program here"
	done
	grep -o '_have_feature "[A-Z_]*' "$suite/test_$1.sh" | cut -d '"' -f 2 | while read -r feature; do
		"$suite/kublk" features | grep -q "$feature" || echo "this kernel has no $feature"
	done
}

# list FILE - its lines as one, each once
list() {
	sort -u "$1" | tr '\n' ';' | sed 's/;$//; s/;/; /g'
}

# Why it has to fail, if it is one that looks at what only its own server does
assumed() {
	sed -n "s/^$1	*//p" "$here/assumes"
}

is_assumed() {
	test -n "$(assumed "$1")"
}

judge() {
	if test "$status" = 124; then
		verdict="not ok" why="still running after $limit seconds"
	elif grep -q '^kernel:' "$case/leftovers"; then
		verdict="not ok" why="the kernel complained"
	elif test -s "$NOTES"; then
		verdict=skip why=$(list "$NOTES")
	elif test "$status" = 4 || grep -q '\[SKIP\]' "$case/output"; then
		its_own_reason "$1" >"$case/reasons"
		verdict=skip why=$(list "$case/reasons")
	elif test "$status" != 0 || grep -Eq '\[FAIL\]|^FAIL|failure:' "$case/output"; then
		verdict="not ok" why="status $status"
		! is_assumed "$1" || verdict=skip why="it fails: $(assumed "$1")"
	elif test -s "$case/leftovers"; then
		verdict="not ok" why="it left something behind"
	elif is_assumed "$1"; then
		verdict="not ok" why="it passes, and tests/foreign/assumes says that it cannot"
	else
		verdict=ok why=
		test ! -s "$case/without" || why="without $(wc -l <"$case/without") of its lines: $(list "$case/without")"
	fi
}

report() {
	case $verdict in
	skip) echo "ok $1 # SKIP $why" ;;
	*) echo "$verdict $1${why:+ - $why} ($took s)" ;;
	esac
	test "$verdict" = "not ok" || test "$verbose" = yes || return 0
	cat "$case/output" "$case/leftovers" "$NOTES".* 2>/dev/null | sed 's/^/    /'
}

run_script() {
	began=$(cut -d . -f 1 /proc/uptime)
	setsid timeout -k 5 "$limit" bash "$suite/test_$1.sh" </dev/null >"$case/output" 2>&1 && status=0 || status=$?
	took=$(($(cut -d . -f 1 /proc/uptime) - began))
	find_leftovers
	judge "$1"
}

# All lines that make a disk ask for what we do not have
is_hopeless() {
	test $left = no && test -s "$case/without"
}

one() {
	begin "$1"
	if is_hopeless; then
		verdict=skip why=$(list "$case/without")
	else
		run_script "$1"
	fi
	report "$1"
	test ! -s "$case/leftovers" || remove_leftovers
	rm -rf "$case"
}

PATH=$suite/bin:$PATH
cd "$suite" || exit # where some look for their own files
ln -sf "$here/kublk" kublk
/usr/lib/systemd/systemd-udevd --daemon
modprobe ublk_drv
udevadm trigger --settle --sysname-match=ublk-control
for script; do
	one "$script"
done
exit 0
