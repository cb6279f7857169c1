# SPDX-License-Identifier: MIT
about "a call to the driver that fails, START_DEV or any before it, ends the server and leaves nothing, or does no harm"

ublk-null -- true # the module is there
ran=
for n in 1 2 3 4 5; do
	strace -o "$case/trace" -e trace=io_uring_enter -e inject=io_uring_enter:error=ENOMEM:when=$n \
		ublk-null --queues 1 -- touch "$case/ran" 2>"$case/said" && status=0 || status=$?
	grep -q INJECTED "$case/trace"
	if test -e "$case/ran"; then
		expect "$status" = 0
		rm "$case/ran"
		ran="$ran$n "
	else
		expect "$status" = 125
		expect_said 'cannot (add a device|set the device.s parameters|start the device).*: Out of memory'
	fi
	expect "$(ublk-ctl list -n)" = ""
done
# what the driver can do, and where its queues run, is good to know, and no more
expect "$ran" = "1 3 "
expect_said 'cannot start the device: Out of memory'
# the first of each thread: now the tags of a queue cannot be fetched
expect_status 125 strace -f -o "$case/trace" -e trace=io_uring_enter -e inject=io_uring_enter:error=ENOMEM:when=1 \
	ublk-null --queues 1 -- true
expect_said 'cannot fetch the requests of queue 0: Out of memory'
expect "$(ublk-ctl list -n)" = ""
