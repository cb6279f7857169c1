#!/bin/sh
# SPDX-License-Identifier: MIT
#
# applets.sh - make APPLETS="..." makes a program, pages and links of these alone, and nothing else is compiled for it
#
# What has been compiled and fetched is taken from out/. Prints TAP.
#
# shellcheck disable=SC2086,SC2317 # a word for each applet; what claim calls
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/claims.sh
. "$top/tests/claims.sh"
test -e out/deps/deps.stamp || { echo "1..0 # SKIP nothing has been made yet" && exit; }

any=$(sed -n 's/^APPLET(\(.*\))/\1/p' applets/list.h | paste -s -d '|' | sed 's/|/\\|/g')
out=$work/out root=$work/root

make_some() {
	rm -rf "$out/obj/applets" "$out/man" "$root"
	make -s OUT="$out" APPLETS="$*" DESTDIR="$root" PREFIX=/usr all install install-completion install-systemd
}

each() {
	for name; do
		echo "$name"
	done | sort
}

listed() {
	test "$("$out/ublk" --list | sort)" = "$(each "$@")"
}

answers() {
	for name; do
		"$root/usr/sbin/ublk-$name" --version | grep -q '^ublk ' || return 1
		"$root/usr/sbin/ublk-$name" --help | grep -q "^ ublk-$name " || return 1
	done
	"$out/ublk" --help | grep -q '^Applets:$'
}

# names in a directory but for the first, which is always there
installed() {
	seen=$(ls "$root/usr/$1" | sed -n "s/^ublk-\(.*\)$2$/\1/p" | sort)
	shift 2
	test "$seen" = "$(each "$@")"
}

follows() {
	installed sbin '' "$@" && installed share/man/man8 '\.8' "$@" && installed share/bash-completion/completions '' "$@" &&
		grep -q "^complete -F _ublk ublk $(echo "$@" | sed 's/[a-z]*/ublk-&/g')$" "$root/usr/share/bash-completion/completions/ublk" &&
		test "$(cd "$out/obj/applets" && find . -name '*.o' | sed -n "s!^\./\(.*/\)\{0,1\}\($any\)\.o\$!\2!p" | sort)" = "$(each "$@")"
}

refused() {
	! make -s OUT="$out" APPLETS="$1" all
}

# ublk without ctl has no subcommands
no_subcommand() {
	"$out/ublk" list 2>"$work/err" && return 1
	test $? = 2 && grep -q 'no applet is called list' "$work/err"
}

# Nobody tells another program how to go on with a disk, but where there is ctl
stays() {
	! grep -q UBLK_STATE "$out/ublk" && grep -q 'made without ctl' "$out/ublk"
}

goes_on() {
	grep -q UBLK_STATE "$out/ublk" && ! grep -q 'made without ctl' "$out/ublk"
}

# Only a disk made of a file brings what moves bytes to and from one
moves_files() {
	nm "$out/ublk.debug" | grep -q ' fileio_move$'
}

moves_none() {
	! moves_files && nm "$out/ublk.debug" | grep -q ' xfer_move$'
}

# One byte more than is promised
too_large() {
	cp "$out/ublk" "$work/large"
	truncate -s $((${1} + 1)) "$work/large"
	! build/size.sh "$work/large" $2 && truncate -s "$1" "$work/large" && build/size.sh "$work/large" $2
}

mkdir "$out"
cp -a out/deps out/musl.* out/version out/generated "$out/"
mkdir "$out/obj"
cp -a out/obj/core "$out/obj/"
for set in "mem ctl" "mem init" null file zip mem; do
	claim "a program of $set is made" make_some $set
	claim "it lists $set" listed $set
	claim "and answers to --help and --version" answers $set
	claim "links, pages, completion and what is compiled follow" follows $set
	case " $set " in
	*" ctl "*) claim "its keepers can go on as another program" goes_on ;;
	*) claim "its keepers stay what they are" stays ;;
	esac
	case " $set " in
	*" file "* | *" zip "*) claim "it moves bytes to and from files" moves_files ;;
	*) claim "it has nothing that moves bytes to and from files" moves_none ;;
	esac
done
claim "mem alone is as small as promised" build/size.sh "$out/ublk" mem
claim "without ctl there are no subcommands" no_subcommand
claim "an applet that there is not is refused" refused "mem tape"
claim "no applet at all is refused" refused " "
if readelf -h "$out/ublk" | grep -q X86-64; then
	claim "mem that is larger is refused" too_large 112640 mem
	claim "all that are larger are refused" too_large 266240 "mem null ctl file zip init"
fi
claims_end
