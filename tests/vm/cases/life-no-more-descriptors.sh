# SPDX-License-Identifier: MIT
about "however few files may be open, the server works or fails with a message, and leaves nothing"

ublk-null -- true # the module is there
limit=3
while limit=$((limit + 1)) && ! prlimit --nofile=$limit ublk-mem --size 1M --queues 2 -- true 2>"$case/said"; do
	sed "s/^/$limit: /" "$case/said"
	expect_said 'Too many open files|No file descriptors available'
	expect "$(ublk-ctl list -n)" = ""
done
expect $limit -gt 8
expect $limit -le 32
