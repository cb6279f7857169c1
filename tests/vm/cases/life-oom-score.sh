# SPDX-License-Identifier: MIT
about "--oom-score-adj is for both processes of the server, and not for the command; who may not lower it is told"

disk=$(start_disk null --oom-score-adj=-900)
for process in "$(server_pid "$disk")" "$(worker_pid "$disk")"; do
	expect "$(cat "/proc/$process/oom_score_adj")" = -900
done
# shellcheck disable=SC2016 # the inner shell expands
expect_status 0 ublk-null 1M --oom-score-adj=500 -- sh -c 'test "$(cat /proc/self/oom_score_adj)" = 0'
let_users_in
expect_status 0 as_user ublk-null 1M --oom-score-adj=500 -- true
expect_status 3 as_user ublk-null 1M --oom-score-adj=-1
expect_said 'set --oom-score-adj=-1: ' 'CAP_SYS_RESOURCE'
for wrong in 1001 -1001 5x '' - 00001; do
	expect_status 2 ublk-null 1M --oom-score-adj="$wrong"
done
