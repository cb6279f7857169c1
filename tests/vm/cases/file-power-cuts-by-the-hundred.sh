# SPDX-License-Identifier: MIT
# long
# timeout: 300
# shellcheck disable=SC2034,SC1091 # the other one uses it, and is there in the machine
rounds=60
. /tests/cases/file-power-cuts.sh
