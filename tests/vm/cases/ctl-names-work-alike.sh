# SPDX-License-Identifier: MIT
about "ublk NAME, ublk-NAME, @ublk-NAME and the links of --install reach the same code"

mkdir "$case/bin" "$case/hard"
ublk=$(readlink -f "$(command -v ublk)")
"$ublk" --install -s "$case/bin"
expect "$(ls "$case/bin" | tr '\n' ' ')" = "$("$ublk" --list-full | sort | tr '\n' ' ')"
expect -L "$case/bin/ublk-mem"
expect "$("$case/bin/ublk-mem" --version)" = "$(ublk --version)"
cp "$ublk" "$case/hard/ublk"
"$case/hard/ublk" --install
expect "$(stat -c %h "$case/hard/ublk")" -ge 4
"$case/hard/ublk" --install
ln -s "$ublk" "$case/bin/@ublk-null"
"$case/bin/@ublk-null" --help | grep -q 'Usage:' || fail "no help"
# shellcheck disable=SC2016 # the inner shell expands
expect "$(ublk mem -s 1M -- sh -c 'blockdev --getsize64 "$UBLK_DEV"')" = 1048576
expect "$(ublk null 1M -- true; echo $?)" = 0
expect_status 2 ublk nonsense
ublk | grep -q 'ublk APPLET'
