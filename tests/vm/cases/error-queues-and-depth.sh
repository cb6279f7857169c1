# SPDX-License-Identifier: MIT
about "queues and depths out of any range are refused, and what is merely too much gets a clear answer"

for count in 0 4097 -1 99999999999999999999; do
	expect_status 2 ublk-null --queues $count
	expect_said '--queues (is 1 to 4096, not|takes a whole number)'
	expect_status 2 ublk-null --depth $count
	expect_said '--depth (is 1 to 4096, not|takes a whole number)'
done
for size in 2K 5000 64M; do
	expect_status 2 ublk-null --max-io $size
	expect_said '--max-io is 4K to 32M and a multiple of 4K'
done
expect_status 0 ublk-null --queues 4096 --depth 1 -- true
expect_said "the kernel grants $(nproc) queues of the 4096 asked for: it has no more CPUs"
expect_status 0 ublk-null --queues 1 --depth 4096 -- true
expect_status 125 ublk-null --depth 4096 --io copy --max-io 32M -- true
expect_said 'a buffer for every tag takes [0-9]+ MiB, and only [0-9]+ MiB are free' \
	'use a smaller --depth or --max-io, or fewer --queues'
expect "$(ublk-ctl list -n)" = ""
