#!/bin/sh
# SPDX-License-Identifier: MIT
#
# layers.sh - fail if a source includes what it must not know of
#
#   describing files (what is wanted, what the disk is) know nothing of serving files (rings, queues, processes);
#   core knows no applet, but for the list of them;
#   a disk knows nothing of rings, queues and processes: only ctl, which talks to the driver, and init, which
#   loads modules, may.
set -eu

# shellcheck disable=SC2046 # names of sources have no spaces
awk '
BEGIN {
	split("uapi util text log file size progress opt status backend applet spec features params affinity region histogram stats user device", names)
	for (i in names) describing[names[i]] = 1
	split("ring request turn xfer queue sandbox ctrl driver registry node use notify keeper keeping worker run", names)
	for (i in names) serving[names[i]] = 1
}
/^#include "/ {
	split($2, quoted, "\"")
	what = quoted[2]
	who = FILENAME
	name = what; sub(/.*\//, "", name); sub(/\.h$/, "", name)
	self = who; sub(/.*\//, "", self); sub(/\.[ch]$/, "", self)
	inner = what ~ /^core\// && name in serving

	if (what !~ /\// && what !~ /\.inc$/)
		why = "is not written with its path from the top"
	else if (who ~ /^core\// && what ~ /^applets\// && what != "applets/list.h")
		why = "is an applet, and core knows none"
	else if (who ~ /^core\// && self in describing && inner)
		why = "serves, and this file only describes"
	else if (who ~ /^applets\// && who !~ /^applets\/(ctl|init)/ && inner)
		why = "is behind the backend, and a disk only answers questions"
	else
		next
	print "layers: " who ":" FNR ": " what " " why
	failed = 1
}
END { exit failed }
' $(find core applets -name '*.[ch]')
