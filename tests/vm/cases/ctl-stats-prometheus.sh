# SPDX-License-Identifier: MIT
# kernels: !=6.16
about "ublk-ctl stats --prometheus tells of all disks in its format; of one whose server cannot be seen, what the kernel counts"

requires jq
# --no-partscan: no reads of the kernel's own, which since Linux 6.18 may come later
mem=$(start_disk mem 8M --name=scratch --no-partscan)
null=$(start_disk null 1G --no-partscan)
start_with="unshare -p -f --kill-child"
hidden=$(start_disk mem 8M --no-partscan)
start_with=
dd if="$mem" of=/dev/null bs=4k count=10 iflag=direct status=none
dd if="$null" of=/dev/null bs=4k count=7 iflag=direct status=none
ublk-ctl stats --prometheus >"$case/out"

# of NAME DISK
of() {
	grep "^$1{device=\"${2#/dev/}\"" "$case/out" | cut -d ' ' -f 2
}
expect "$(of ublk_reads_total "$mem")" = "$(counted "$mem" reads)"
expect "$(of ublk_reads_total "$null")" = "$(counted "$null" reads)"
expect "$(of ublk_mem_size_bytes "$mem")" = $((8 << 20))
expect "$(of ublk_mem_size_bytes "$null")" = ""
expect "$(grep -c '^ublk_reads_total{.*name="scratch"}' "$case/out")" = 1
# each name has its heading once, before all its lines; a histogram rises to its count
expect "$(awk '
	/^# TYPE/ { if (seen[$3]++) print "twice", $3; current = $3; kind = $4; next }
	/^#/ { next }
	!/^[a-z_]+\{device="ublkb[0-9]+",type="[a-z]+"(,name="[^"]+")?(,le="[^"]+")?\} [0-9.]+$/ { print "odd", $0 }
	{ name = $1; sub(/\{.*/, "", name) }
	kind == "histogram" { sub(/_(bucket|sum|count)$/, "", name) }
	name != current { print "under", current, $0 }
	/_bucket/ { if (/le="0.000000255"/) last = 0; if ($2 < last) print "falls", $0; last = $2 }
	/_seconds_count/ && $2 != last { print "not the count", $0 }
' "$case/out")" = ""

ublk-ctl stats "$hidden" >"$case/table"
expect "$(head -n 1 "$case/table")" = "$hidden: mem, counted by the kernel"
expect "$(counted "$hidden" reads)" = "$(awk '{ print $1 }' "/sys/block/${hidden#/dev/}/stat")"

# a dead one has nothing to tell, and keeps nobody from telling of the others
dead=$(start_disk null 1M)
kill_both "$dead"
wait_until 5 test ! -e "/sys/block/${dead#/dev/}"
expect_status 0 ublk-ctl stats --prometheus
expect_said "^ublk_reads_total.device=.${mem#/dev/}\""
expect "$(ublk-ctl stats --json | jq -c '[.stats[] | select(. == null)]')" = "[null]"
expect_status 1 ublk-ctl stats "$dead"
expect_said "cannot read what the kernel has counted of $dead: No such file"
ublk-ctl prune

ublk-ctl del "$hidden"
expect "$(server_status "$hidden")" = 0
