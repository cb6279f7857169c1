# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# ublk.bash - completion for bash: applets, subcommands, options, columns, devices by number, name and path
#
# All of them are asked for when they are needed, so that they are those of the program that will run.

# _ublk_options COMMAND... - its long options, with = behind those that need a value
_ublk_options() {
	local line

	while IFS= read -r line; do
		[[ $line =~ ^(\ |\ {5})(-[A-Za-z],\ )?(--[a-z][a-z0-9_-]*)(=?) ]] && echo "${BASH_REMATCH[3]}${BASH_REMATCH[4]}"
	done < <("$@" --help 2>/dev/null)
}

# _ublk_subcommands CTL...
_ublk_subcommands() {
	local line within=

	while IFS= read -r line; do
		[[ -n $line ]] || within=
		[[ -z $within ]] || { line=${line# } && echo "${line%% *}"; }
		[[ $line != Subcommands: ]] || within=yes
	done < <("$@" --help 2>/dev/null)
}

# _ublk_devices CTL... - what there is may have no name
_ublk_devices() {
	local id name path

	while read -r id name path; do
		echo "$id" "$path"
		[[ $name = - ]] || echo "$name"
	done < <("$@" list -n --raw -O id,name,dev --quiet 2>/dev/null)
}

# _ublk_columns CTL... - those before the last comma stay, each before those that there are
_ublk_columns() {
	local column before=

	[[ $current != *,* ]] || before=${current%,*},
	for column in $("$@" list --raw --output-all --quiet 2>/dev/null | head -n 1); do
		echo "$before$column"
	done
}

# _ublk_offer WORDS - those of them that go on with what was typed
_ublk_offer() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
	[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null
}

_ublk_files() {
	compopt -o default 2>/dev/null
	COMPREPLY=()
}

# What stands before the cursor names a column: -O, --output, or the latter with a = that bash takes for a word
_ublk_wants_column() {
	local before=${COMP_WORDS[COMP_CWORD - 1]}

	[[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $before = -O || $before = --output ]]
}

# _ublk_ctl_word CTL... - a word for the subcommand $sub
_ublk_ctl_word() {
	case $sub in
	list) if _ublk_wants_column; then _ublk_offer "$(_ublk_columns "$@")"; else _ublk_offer "$(_ublk_devices "$@")"; fi ;;
	add) _ublk_files ;;
	features | check | prune) ;;
	*) _ublk_offer "$(_ublk_devices "$@")" ;;
	esac
}

_ublk() {
	local command=("${COMP_WORDS[0]}") current=${COMP_WORDS[COMP_CWORD]} next=1 applet sub i

	applet=${command[0]##*/}
	applet=${applet#ublk-}
	COMPREPLY=()
	[[ $current != = ]] || current=
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} != -- ]] || { _ublk_files && return; }
	done
	if [[ $applet = ublk ]]; then
		if [[ $COMP_CWORD = 1 ]]; then
			_ublk_offer "$("${command[0]}" --list 2>/dev/null) $(_ublk_subcommands "${command[0]}" ctl) $(_ublk_options "${command[0]}")"
			return
		fi
		applet=ctl
		if [[ " $("${command[0]}" --list 2>/dev/null | tr '\n' ' ')" = *" ${COMP_WORDS[1]} "* ]]; then
			applet=${COMP_WORDS[1]}
			command+=("$applet")
			next=2
		fi
	fi
	if [[ $applet = ctl && $COMP_CWORD = "$next" && $current != -* ]]; then
		_ublk_offer "$(_ublk_subcommands "${command[@]}")"
	elif [[ $applet = ctl ]]; then
		sub=${COMP_WORDS[next]}
		[[ $sub != -* ]] || sub=list
		if [[ $current = -* ]]; then
			_ublk_offer "$(_ublk_options "${command[@]}" "$sub")"
		else
			_ublk_ctl_word "${command[@]}"
		fi
	elif [[ $current = -* ]]; then
		_ublk_offer "$(_ublk_options "${command[@]}")"
	else
		_ublk_files
	fi
}

complete -F _ublk ublk ublk-mem ublk-null ublk-ctl ublk-file ublk-zip ublk-init
