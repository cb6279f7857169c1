# SPDX-License-Identifier: MIT
about "--image=- takes a disk from a pipe, however long it is"

pattern 70000 6 >"$case/p"
for n in 70000 3500000; do
	ublk-mem --image - -- sh -c 'head -c '$n' "$UBLK_DEV" | md5sum | cut -d " " -f 1; blockdev --getsize64 "$UBLK_DEV"' \
		>"$case/out" <<-END || fail "exit status $?"
		$(for i in $(seq $((n / 70000))); do cat "$case/p"; done)
	END
	test -s "$case/out"
done
for i in $(seq 300); do cat "$case/p"; done >"$case/all"
# shellcheck disable=SC2002,SC2016 # a pipe is the point, and the inner shell expands
cat "$case/all" | ublk-mem --image - -- sh -c 'head -c 21000000 "$UBLK_DEV" | md5sum | cut -d " " -f 1' >"$case/out"
expect "$(cat "$case/out")" = "$(sum <"$case/all")"
expect_status 1 ublk-mem --image - </dev/null
