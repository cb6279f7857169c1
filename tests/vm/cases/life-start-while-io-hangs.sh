# SPDX-License-Identifier: MIT
about "a server that hangs while the device is started, when the kernel looks for partitions, can be stopped"

mkfifo "$case/image" "$case/attached" "$case/ready"
ublk-mem --image - --stop-timeout 2 <"$case/image" >"$case/ready" 2>"$case/said" &
server=$!
exec 6>"$case/image" 7<"$case/ready"
pattern 1M 1 >&6
worker=$(cut -d ' ' -f 1 "/proc/$server/task/$server/children")
has_all_threads() {
	cat "/proc/$worker/task/"*/comm | grep -q ublk-q1
}
wait_until 5 has_all_threads
# from here on every thread takes a while, longer than a command may, before it waits for requests
strace -f -p "$worker" -o "$case/trace" -e trace=io_uring_enter -e inject=io_uring_enter:delay_enter=20000000 \
	2>"$case/attached" 6>&- &
strace=$!
read -r line <"$case/attached"
expect "${line#strace: Process "$worker" attached}" != "$line"
exec 6>&-
if read -r disk <&7; then # since 6.18 the kernel looks for partitions later
	kill -TERM "$server"
	kill -INT "$server"
	wait "$server" || fail "exit status $?"
	expect_said 'killing the server process [0-9]+: it does not (answer|end)'
	expect ! -e "$disk"
else
	wait "$server" && fail "the device was not started, and that was no failure"
	expect_said 'killing the server process [0-9]+: it does not answer'
fi
wait "$strace" || true
expect "$(ublk-ctl list -n)" = ""
ublk-null -- true
