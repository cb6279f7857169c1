# SPDX-License-Identifier: MIT
about "SIGTERM before the disk is ready: the server says so, fails, and leaves nothing, in the background too"

mkfifo "$case/image"
for background in '' --background; do
	# shellcheck disable=SC2086 # no word or one
	ublk-mem --image - $background <"$case/image" >"$case/out" 2>"$case/said" &
	server=$!
	exec 6>"$case/image"
	pattern 1M 1 >&6 # more than a pipe takes: it is being read
	keeper=$(ublk-ctl list --raw -n -O keeper)
	kill -TERM "$keeper"
	wait "$server" && status=0 || status=$?
	expect "$status" = 1
	expect_said 'stopped before the device was ready'
	expect "$(cat "$case/out")" = ""
	expect "$(ublk-ctl list -n)" = ""
	exec 6>&-
done
