# SPDX-License-Identifier: MIT
about "a name given with --name is listed, taken wherever a device is, given only once, and free again when its disk is gone"

named() {
	ublk-ctl list -n --raw -O id,name "$@"
}

disk=$(start_disk mem 1M --name=scratch -n 7)
other=$(start_disk null 1M -N a.b_c+d-1)
plain=$(start_disk null 1M)
expect "$(named scratch)" = "7 scratch"
expect "$(named "$other")" = "${other#/dev/ublkb} a.b_c+d-1"
expect "$(named "$plain")" = "${plain#/dev/ublkb} -"
expect "$(ublk-ctl list -J -O name scratch "$plain")" = '{"ublk": [
  {"name": "scratch"},
  {"name": null}
]}'
ublk-ctl info scratch | grep -q '^NAME *scratch$'
expect "$(ublk-ctl status scratch)" = live
mkdir "$case/by-ublk"
ln -s ../../ublkb7 "$case/by-ublk/any"
expect "$(named "$case/by-ublk/any")" = "7 scratch"

# there is one of each
expect_status 5 ublk-null 1M --name=scratch
expect_said 'device 7 has the name scratch already' 'choose another --name'
expect ! -e /dev/ublkb8
for bad in '' 3 ublkb3 a/b 'a b' .. -x "$(printf '%064d' 0)"; do
	expect_status 2 ublk-null 1M --name="$bad"
	expect_said 'is no name'
done
expect_status 6 ublk-ctl info scratc
expect_said 'there is no device scratc$'
expect_status 6 ublk-ctl del nobody
expect_status 2 ublk-ctl info /tmp/7
expect_status 2 ublk-ctl info a/b
expect_said 'is no device'

# two at the same time: never both
ublk-null 1M --name=twin --background >"$case/a" 2>/dev/null &
one=$!
ublk-null 1M --name=twin --background >"$case/b" 2>/dev/null || true
wait "$one" || true
expect "$(named | grep -c ' twin$' || true)" -le 1
cat "$case/a" "$case/b" >"$case/made"
while read -r twin; do ublk-ctl del "$twin"; done <"$case/made"

ublk-ctl del scratch a.b_c+d-1
expect "$(server_status "$disk")" = 0
expect_status 6 ublk-ctl info scratch
disk=$(start_disk mem 1M --name=scratch)
expect "$(ublk-ctl status scratch)" = live
