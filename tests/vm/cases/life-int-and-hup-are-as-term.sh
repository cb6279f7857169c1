# SPDX-License-Identifier: MIT
about "SIGINT and SIGHUP end a server as SIGTERM does"

for signal in INT HUP; do
	disk=$(start_disk null)
	kill -$signal "$(server_pid "$disk")"
	expect "$(server_status "$disk")" = 0
	expect ! -e "$disk"
done
