#!/bin/bash
# SPDX-License-Identifier: MIT
#
# completion.sh - what bash offers is what the program knows, and devices that there are
#
# The program is asked for everything but the list of devices, which is given. Prints TAP.
#
# Environment: UBLK_BIN=FILE is the program (out/ublk).
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
ublk=$(readlink -f "${UBLK_BIN:-$top/out/ublk}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
number=0 failed=0

"$ublk" --list-full | while read -r name; do ln -s "$ublk" "$work/$name"; done
rm "$work/ublk-ctl"
cat >"$work/ublk-ctl" <<END
#!/bin/sh
case "\$*" in
"list -n --raw -O id,name,dev --quiet") printf '3 - /dev/ublkb3\n17 scratch /dev/ublkb17\n' ;;
"list --raw --output-all --quiet") echo ID DEV NAME ;;
*) exec "$ublk" ctl "\$@" ;;
esac
END
cat >"$work/ublk" <<END
#!/bin/sh
case "\$1 \$2" in
"list -n" | "ctl list") test "\$1" = list || shift; exec "$work/ublk-ctl" "\$@" ;;
*) exec "$ublk" "\$@" ;;
esac
END
chmod +x "$work/ublk-ctl" "$work/ublk"
PATH=$work:$PATH
# shellcheck source=applets/ctl/ublk.bash
. "$top/applets/ctl/ublk.bash"

# offered WORD... - what bash offers for the last one, in a line, sorted
offered() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_ublk || true
	printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ' | sed 's/^ *//; s/ $//'
}

# claim WHAT EXPECTED SEEN
claim() {
	number=$((number + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $number - $1"
		return
	fi
	echo "not ok $number - $1"
	echo "# expected: $2"
	echo "# offered:  $3"
	failed=$((failed + 1))
}

# options COMMAND... - as --help lists them, without what bash knows about that
options() {
	"$@" --help | awk '/^ -/ || /^     -/ {
		for (i = 1; i <= 2; i++)
			if ($i ~ /^--/) {
				sub(/\[.*/, "", $i)
				sub(/=.*/, "=", $i)
				print $i
				break
			}
	}' | sort | tr '\n' ' ' | sed 's/ $//'
}

claim "it is there for every applet, and for no other" \
	"$({ echo ublk && "$ublk" --list-full; } | sort | tr '\n' ' ')" \
	"$(complete -p | sed -n 's/^complete -F _ublk //p' | sort | tr '\n' ' ')"
for applet in $("$ublk" --list); do
	[ "$applet" = ctl ] || claim "all options of ublk-$applet" "$(options "$ublk" "$applet")" "$(offered "ublk-$applet" --)"
done
for subcommand in list del resize features wait add udev; do
	claim "all options of ublk-ctl $subcommand" "$(options "$ublk" ctl "$subcommand")" "$(offered ublk-ctl "$subcommand" --)"
done
claim "an option that is begun" "--sector-size=" "$(offered ublk mem 1G --sec)"
claim "applets and subcommands after ublk" "features file" "$(offered ublk f)"
claim "subcommands after ublk-ctl" "stats status stop" "$(offered ublk-ctl st)"
claim "subcommands after ublk ctl" "prune" "$(offered ublk ctl p)"
claim "devices by number, path and name" "/dev/ublkb17 /dev/ublkb3 17 3 scratch" "$(offered ublk-ctl del "")"
claim "a name that is begun" "scratch" "$(offered ublk del scratch2 sc)"
claim "columns" "DEV" "$(offered ublk-ctl list -O D)"
claim "the next column" "id,NAME" "$(offered ublk-ctl list --output = id,N)"
claim "nothing where nothing is to be said" "" "$(offered ublk-ctl prune "")"
claim "files for disks" "" "$(offered ublk-file "")"
claim "the options of another program are its own" "" "$(offered ublk-mem 1G -- ls --)"
echo "1..$number"
[ $failed = 0 ]
