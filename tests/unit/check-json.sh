#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-json.sh - what "ublk-ctl check --json" prints is as the manual says, on whatever machine this is. Prints TAP.
#
# Environment: UBLK_BIN=FILE is the program (out/ublk).
set -eu
ublk=${UBLK_BIN:-out/ublk}
command -v python3 >/dev/null || { echo "1..0 # SKIP there is no python3" && exit; }
echo 1..1
"$ublk" check --json --dev-dir='/no "such\ directory' | python3 -c '
import json, sys
checks = json.load(sys.stdin)["checks"]
assert len(checks) > 8
for check in checks:
    assert set(check) == {"name", "result", "detail", "remedy"}, check
    assert check["result"] in ("PASS", "WARN", "FAIL"), check
    assert check["detail"], check
    assert check["remedy"] is None or (check["remedy"] and check["result"] != "PASS"), check
' && echo "ok 1 - ublk-ctl check --json prints what the manual says" || echo "not ok 1 - ublk-ctl check --json prints what the manual says"
