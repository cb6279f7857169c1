#!/bin/sh
# SPDX-License-Identifier: MIT
#
# workflows.sh - what .github/workflows has run exists here, on every kernel that there is, and comes from nobody else. TAP.
#
# shellcheck disable=SC2317 # what claim calls
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/claims.sh
. "$top/tests/claims.sh"
python3 -c 'import yaml' 2>/dev/null || { echo "1..0 # SKIP there is no python3 with yaml" && exit; }
python3 - >"$work/steps" <<'END'
import glob, yaml

for path in sorted(glob.glob(".github/workflows/*.yml")):
    for job in yaml.safe_load(open(path))["jobs"].values():
        for kernel in job.get("strategy", {}).get("matrix", {}).get("kernel", []):
            print("kernel", kernel)
        for step in job["steps"]:
            print("uses", step["uses"]) if "uses" in step else [print("run", line) for line in step["run"].splitlines()]
END

commands_exist() {
	make -npq help 2>/dev/null | sed -n 's/^\([a-z-]*\):.*/\1/p' >"$work/targets"
	sed -n 's/^run .*make \([a-z-]*\).*/\1/p' "$work/steps" | sort -u | grep . >"$work/asked"
	! grep -vxF -f "$work/targets" "$work/asked" &&
		for script in $(grep -oE '\<(tests|build)/[a-z./-]*' "$work/steps" | sort -u); do
			test -x "$script" || { echo "no $script" && return 1; }
		done
}

every_kernel() {
	test "$(sed -n 's/^kernel //p' "$work/steps" | sort -u)" = "$(awk '!/^#/ { print $1 }' tests/vm/kernels | sort -u)"
}

nobody_else() {
	! sed -n 's/^uses //p' "$work/steps" | grep -v -e '^actions/checkout@' -e '^actions/upload-artifact@'
}

claim "the targets and scripts that they run exist" commands_exist
claim "every kernel has its turn" every_kernel
claim "what they use of others takes out the sources and keeps results" nobody_else
claims_end
