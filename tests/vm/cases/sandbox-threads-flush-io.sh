# SPDX-License-Identifier: MIT
about "every thread that serves is known to the kernel as one that memory may wait for, so that it never waits for memory that waits for it"

disk=$(start_disk mem --size 16M --queues 2)
threads=0
for task in "/proc/$(worker_pid "$disk")"/task/*; do
	case $(cat "$task/comm") in
	ublk-*) ;;
	*) continue ;; # the kernel's own
	esac
	flags=$(sed 's/.*) //' "$task/stat" | cut -d ' ' -f 7)
	# PF_MEMALLOC_NOIO and PF_LOCAL_THROTTLE
	expect "$(cat "$task/comm") $((flags & 0x180000))" = "$(cat "$task/comm") $((0x180000))"
	threads=$((threads + 1))
done
expect $threads = 3
