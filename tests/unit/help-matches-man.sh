#!/bin/sh
# SPDX-License-Identifier: MIT
#
# help-matches-man.sh - what --help says and what the manual page says are the same options
#
# Compared are letter, long name and argument, in both directions: of ublk, of every applet, and of every subcommand of
# ublk-ctl. The page is read as mandoc prints it, so that it does not matter how it is marked up. Prints TAP.
#
# Environment: UBLK_BIN=FILE is the program (out/ublk).
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
ublk=${UBLK_BIN:-$top/out/ublk}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
number=0 failed=0

# --- reading

# page NAME - the finished page as text: sections begin in the first column, their parts in the fourth
page() {
	"$top/build/man.sh" "$1" >"$work/$1.8" && mandoc -T ascii -O width=200 "$work/$1.8" | sed "s/.$(printf '\b')//g"
}

# options - a line for each option: letter, long name and argument, "-" for what it has not. In --help an option begins
# after one blank or five, in a page after five; what explains it stands further right.
options() {
	awk '/^ -/ || /^     -/ {
		letter = name = argument = "-"
		sub(/^ +/, "")
		if (/^-[a-zA-Z0-9]/) {
			letter = substr($0, 2, 1)
			sub(/^-.(, )?/, "")
		}
		if (/^--/) {
			name = $1
			if (match(name, /\[?=/)) {
				argument = substr(name, RSTART)
				name = substr(name, 1, RSTART - 1)
			}
		}
		print letter, name, argument
	}' | sort
}

# described - only the lines of a page that stand in the sections with options and begin a paragraph
described() {
	awk '
		/^[A-Z]/ { on = /^OPTIONS/ || /^DESCRIPTION/ }
		on && fresh { print }
		{ fresh = !NF || /^[A-Z]/ || /^   [^ ]/ }
	'
}

# subsections WORD... - the parts of a page whose subtitle has one of the words
subsections() {
	awk -v words=" $* " '
		/^[A-Z]/ { on = 0; print }
		/^   [^ ]/ { on = 0; for (i = 1; i <= NF; i++) if (index(words, " " $i " ")) on = 1 }
		on
	'
}

every_subcommand() {
	awk '/^[A-Z]/ { print } /^[A-Z]/ || /^   [^ ]/ { on = 0 } /^   Options of every subcommand/ { on = 1 } on'
}

subcommands() {
	"$ublk" ctl --help | awk '/^[^ ]/ { on = 0 } on && NF { print $1 } /^Subcommands:/ { on = 1 }'
}

# --- telling

result() {
	number=$((number + 1))
	if test "$1" = 0; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$work/why"
		failed=$((failed + 1))
	fi
}

# differs HELP PAGE - the lines that only one of two lists has, and success if there are any; also if there are none at all
differs() {
	diff "$1" "$2" | sed -n 's/^</only in --help:/p; s/^>/only in the page:/p' >"$work/why"
	test -s "$1" || echo "--help has no options" >>"$work/why"
	test -s "$work/why"
}

# same WHAT - $work/help and $work/page list the same options
same() {
	if differs "$work/help" "$work/page"; then
		result 1 "$1"
	else
		result 0 "$1"
	fi
}

# --- claims

# An option missing, one too many, another argument, another letter
comparison_can_fail() {
	"$ublk" mem --help | options >"$work/whole"
	sed 1d "$work/whole" >"$work/less"
	sed 's/=SIZE$/=BYTES/' "$work/whole" >"$work/argument"
	sed 's/^q /Q /' "$work/whole" >"$work/letter"
	for other in less argument letter; do
		if ! differs "$work/whole" "$work/$other" || ! differs "$work/$other" "$work/whole"; then
			result 1 "what differs is noticed, and nothing else ($other)"
			return
		fi
	done
	if differs "$work/whole" "$work/whole"; then
		result 1 "what differs is noticed, and nothing else"
	else
		result 0 "what differs is noticed, and nothing else"
	fi
}

page_is_clean() {
	if page "$1" >"$work/$1.txt" 2>"$work/why" && mandoc -T lint -W warning "$work/$1.8" >"$work/why" 2>&1; then
		result 0 "$1(8) is there, and mandoc has no complaint"
	else
		result 1 "$1(8) is there, and mandoc has no complaint"
	fi
}

page_matches() {
	"$ublk" "$1" --help | options >"$work/help"
	described <"$work/ublk-$1.txt" | options >"$work/page"
	same "ublk-$1 --help and its page have the same options"
}

ublk_matches() {
	"$ublk" --help | options >"$work/help"
	described <"$work/ublk.txt" | options >"$work/page"
	same "ublk --help and its page have the same options"
}

subcommand_matches() {
	"$ublk" ctl "$1" --help | options >"$work/help"
	{
		subsections "$1" <"$work/ublk-ctl.txt"
		every_subcommand <"$work/ublk-ctl.txt"
	} | described | options >"$work/page"
	same "ublk-ctl $1 --help and the page have the same options"
}

ctl_matches() {
	"$ublk" ctl --help | options >"$work/help"
	every_subcommand <"$work/ublk-ctl.txt" | described | options >"$work/page"
	same "ublk-ctl --help and the page have the same options"
	# no subtitle may be about what does not exist, and nothing that exists may lack one
	subcommands | sort >"$work/help"
	awk '/^   [^ ]/ && !/Options/ { for (i = 1; i <= NF; i++) if ($i != "and") print $i }' "$work/ublk-ctl.txt" |
		sort >"$work/page"
	same "ublk-ctl --help and the page have the same subcommands"
	for subcommand in $(subcommands); do
		subcommand_matches "$subcommand"
	done
}

all_applets_are_named() {
	"$ublk" --list | sort >"$work/help"
	sed -nE 's/^     ublk-([a-z]+)\(8\)  .*/\1/p' "$work/ublk.txt" | sort >"$work/page"
	same "ublk(8) names every applet"
}

# Help is for terminals of 80 columns
help_fits() {
	{
		"$ublk" --help
		for applet in $("$ublk" --list); do "$ublk" "$applet" --help; done
		for subcommand in $(subcommands); do "$ublk" ctl "$subcommand" --help; done
	} | awk 'length > 80' >"$work/why"
	if test -s "$work/why"; then
		result 1 "no line of --help is longer than 80 columns"
	else
		result 0 "no line of --help is longer than 80 columns"
	fi
}

command -v mandoc >/dev/null || {
	echo "1..0 # SKIP there is no mandoc"
	exit 0
}
comparison_can_fail
page_is_clean ublk
ublk_matches
all_applets_are_named
for applet in $("$ublk" --list); do
	page_is_clean "ublk-$applet"
	case $applet in
	ctl) ctl_matches ;;
	*) page_matches "$applet" ;;
	esac
done
help_fits
echo "1..$number"
test $failed = 0
