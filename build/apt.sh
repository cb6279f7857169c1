# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# apt.sh - read from the archive that this machine uses; to be sourced
#
# Which archive that is stands in the machine's own apt configuration, proxies and credentials included; it is asked
# every time, so that no address has to stand here. Nothing of this needs root or changes the machine.

# Every index the machine reads, a line each: address, suite, component, with no slash at the end of the address.
apt_sources() {
	command -v apt-get >/dev/null || return 1
	# without --no-release-info nothing is printed before the first "apt-get update"
	# shellcheck disable=SC2016 # the names are apt's, not the shell's
	apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk '{ sub("/+$", "", $1) } !seen[$0]++'
}

# The addresses that hold the distribution itself, not its security updates nor anybody's additions.
apt_archives() {
	apt_sources | awk '$3 == "main" && $2 !~ /security|updates/ && !seen[$1]++ { print $1 }'
}

# Lines of sources.list for what the machine itself reads
apt_own_lines() {
	apt_sources | awk '$3 == "main" { print "deb", $1, $2, $3 }'
}

# apt_suite_lines SUITE - and for another suite of the same archives
apt_suite_lines() {
	apt_archives | sed "s|.*|deb & $1 main|"
}

# apt_reason LOG - the last error in it, without the address
apt_reason() {
	grep '^E:' "$1" | tail -n 1 | sed 's|[a-z+]*://[^ ]*|...|g'
}

# apt_fetch PATH SHA256 FILE - get the file at PATH below the archive; a wrong checksum is a failure
apt_fetch() {
	for archive in $(apt_archives); do
		"$(apt_helper)" -qq -o APT::Sandbox::User=root download-file "$archive/$1" "$3" "SHA256:$2" \
			>/dev/null 2>&1 && return 0
		rm -f "$3" "$3.FAILED"
	done
	return 1
}

# apt_pinned PATH SHA256 FILE - the same, but what was fetched once is kept in $cache and taken from there
apt_pinned() {
	# shellcheck disable=SC2154 # set by the script that reads this one
	apt_kept=$cache/${1##*/}
	if echo "$2  $apt_kept" | sha256sum --check --status 2>/dev/null; then
		cp "$apt_kept" "$3"
		return
	fi
	command -v apt-get >/dev/null && apt_fetch "$1" "$2" "$3" || return 1
	# several builds may be doing this: the name appears with the whole file behind it
	mkdir -p "$cache" && cp "$3" "$apt_kept.$$" && mv "$apt_kept.$$" "$apt_kept" ||
		echo "cannot keep ${1##*/} in $cache; it will be fetched again" >&2
}

apt_helper() {
	eval "$(apt-config shell bin Dir::Bin::methods/d)"
	# shellcheck disable=SC2154 # set by the line above: /usr/lib/apt/methods/
	echo "${bin%methods/}apt-helper"
}

# Where $apt_architecture is set, such as to arm64, what follows is about the packages for that.

# apt_private DIR - make a private set of sources, lists and caches in DIR from the lines of sources.list on standard
# input, and read their indexes. Signatures are checked with the keys of distributions that the machine already holds.
apt_private() {
	apt_dir=$1
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial" "$apt_dir/parts" "$apt_dir/keys"
	cat >"$apt_dir/sources.list"
	: >"$apt_dir/status"
	for apt_key in /etc/apt/trusted.gpg.d/* /usr/share/keyrings/*-archive-keyring.gpg; do
		test ! -e "$apt_key" || ln -sf "$apt_key" "$apt_dir/keys/"
	done
	apt_in "$apt_dir" apt-get -qq update
}

# apt_in DIR COMMAND... - run an apt command in that private set
apt_in() {
	apt_dir=$1 apt_command=$2
	shift 2
	# shellcheck disable=SC2086 # no words at all, or two
	"$apt_command" \
		${apt_architecture:+-o APT::Architecture=$apt_architecture} \
		${apt_architecture:+-o APT::Architectures=$apt_architecture} \
		-o Dir::Etc::sourcelist="$apt_dir/sources.list" -o Dir::Etc::sourceparts="$apt_dir/parts" \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts="$apt_dir/parts" \
		-o Dir::Etc::trustedparts="$apt_dir/keys" \
		-o Dir::State::Lists="$apt_dir/lists" -o Dir::State::status="$apt_dir/status" \
		-o Dir::Cache="$apt_dir/cache" -o Acquire::Languages=none \
		-o APT::Sandbox::User=root -o Debug::NoLocking=1 "$@"
}
