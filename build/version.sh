#!/bin/sh
# SPDX-License-Identifier: MIT
# version.sh - what "ublk --version" says: the file VERSION, and in a checkout between releases the commit
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
version=$(cat "$here/VERSION")
if test "$(git -C "$here" rev-parse --show-toplevel 2>/dev/null)" = "$(cd "$here" && pwd -P)" &&
	commit=$(git -C "$here" rev-parse --short=8 HEAD 2>/dev/null) &&
	! git -C "$here" describe --tags --exact-match HEAD >/dev/null 2>&1; then
	version=$version+$commit
fi
echo "$version"
