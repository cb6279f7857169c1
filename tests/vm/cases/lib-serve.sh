# SPDX-License-Identifier: MIT
about "a program with words of its own serves one disk after the other through the library, in every way of the kernel's"

said() {
	test "$(grep -c "$1" "$case/out")" -ge "$2"
}

img=$(scratch 16M)
pattern 16M 1 >"$img"
for mode in copy get-data user-copy; do
	: >"$case/out"
	own-disk 2 "$img" --io=$mode --max-io=64K --loud --label="for $mode" --no-partscan >"$case/out" 2>"$case/err" &
	pid=$!
	on_exit "kill $pid 2>/dev/null || true"
	for turn in 1 2; do
		wait_until 20 said ^ready $turn
		disk=$(sed -n "s/^ready //p" "$case/out" | tail -n 1)
		expect "$(cat /proc/$pid/comm)" = ublk-own
		expect "$(ublk-ctl list --raw -n -O keeper,type "$disk")" = "$pid other"
		expect "$(read_at "$disk" 0 16M | sum)" = "$(sum <"$img")"
		pattern 3M $mode$turn | write_at "$disk" 1536
		expect "$(tail -c +1537 "$img" | head -c 3145728 | sum)" = "$(pattern 3M $mode$turn | sum)"
		blkdiscard -o 4M -l 2M "$disk"
		blkdiscard -z -o 8M -l 2M "$disk"
		expect "$(tail -c +8388609 "$img" | head -c 2097152 | tr -d '\0' | wc -c)" = 0
		expect "$(read_at "$disk" 8M 2M | tr -d '\0' | wc -c)" = 0
		kill -TERM $pid
		wait_until 20 said ^returned $turn
	done
	wait $pid
	expect "$(grep -c "^returned 0, called own-disk, mask kept" "$case/out")" = 2
	expect "$(grep -c "^<5> label for $mode, loud 1, code 5, 1.5" "$case/err")" = 2
	for word in "opened, and $img: Permission denied" closed; do
		expect "$(grep -c "^<5> $word" "$case/err")" = 2
	done
	for word in flush discard zero; do
		grep -q "^<5> $word\$" "$case/err"
	done
done
