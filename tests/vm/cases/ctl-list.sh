# SPDX-License-Identifier: MIT
about "ublk-ctl list shows devices in columns, raw and as JSON, all from one table"

expect "$(ublk-ctl list)" = ""
expect "$(ublk-ctl list --json)" = '{"ublk": []}'
disk=$(start_disk mem --size 64M --queues 1 --depth 32)
id=${disk#/dev/ublkb}
expect "$(ublk-ctl list --raw -n -b -O id,type,state,size,ro,queues,depth,pid,keeper $id)" = \
	"$id mem live 67108864 0 1 32 $(worker_pid "$disk") $(server_pid "$disk")"
expect "$(ublk-ctl list -J -O dev,size,ro,mount "$disk")" = "{\"ublk\": [
  {\"dev\": \"$disk\", \"size\": 67108864, \"ro\": false, \"mount\": null}
]}"
expect "$(ublk list -n -O DEV,SIZE ublkb$id)" = "$disk  64M"
ublk-ctl info "$id" >"$case/info"
grep -q '^STATE   live$' "$case/info"
expect "$(ublk-ctl status "$id")" = live
expect_status 6 ublk-ctl status 4242
expect_status 6 ublk-ctl info 4242
expect_said 'there is no device 4242'
expect_status 6 ublk-ctl info nonsense
expect_status 2 ublk-ctl list -O nonsense
expect_status 2 ublk-ctl nonsense
