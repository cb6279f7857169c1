# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# claims.sh - for scripts that print TAP: read it first, say what is claimed, end with claims_end
#
# $work is a directory for their files, removed at the end.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
claims=0 claims_failed=0

# claim WHAT CMD... - what it says is shown when it fails
claim() {
	what=$1
	shift
	claims=$((claims + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $claims - $what"
	else
		sed 's/^/# /' "$work/said"
		echo "not ok $claims - $what"
		claims_failed=1
	fi
}

# claim_with PROGRAM WHAT CMD... - what only this program can show, and not every machine has it
claim_with() {
	if command -v "$1" >/dev/null; then
		shift
		claim "$@"
	else
		claims=$((claims + 1))
		echo "ok $claims - $2 # SKIP there is no $1 here"
	fi
}

claims_end() {
	echo "1..$claims"
	exit $claims_failed
}
