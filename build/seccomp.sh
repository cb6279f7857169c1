#!/bin/sh
# SPDX-License-Identifier: MIT
#
# seccomp.sh [--glibc] [--list] - the system calls that a server may make, as its sources say
#
# A function of which the kernel is asked something when its thread is confined already says so in its comment:
#
#   #syscalls NAME...           everywhere if it stands in core/, else in the applet in whose directory it stands
#   #syscalls:GROUP,... NAME... in these applets; or, for "opening", as long as any disk is being opened, and for "open" with
#                               the name of an applet behind it ("openmem"), in that one as long as it opens its disk
#
# What libc does on its behalf belongs to the function; that is musl, and with --glibc what that one calls beside or instead
# is added. It prints a header for core/sandbox.c, with --list a line for each group. A name that an architecture does not have is left out there.
set -eu
glibc=
test "${1:-}" != --glibc || { glibc=yes && shift; }

# GROUP NAME, a line each
collect() {
	# shellcheck disable=SC2046 # names of sources have no spaces
	awk -v glibc="$glibc" '
	BEGIN {
		if (glibc) {
			also["fstat"] = "newfstatat"
			also["clone"] = "clone3 set_robust_list rseq"
			also["mmap"] = "brk"
		}
	}
	match($0, /#syscalls[a-z:,]* /) {
		split(FILENAME, path, "/")
		where = path[1] == "core" ? "serving" : path[2]
		tag = substr($0, RSTART + 9, RLENGTH - 10)
		count = split(tag == "" ? where : substr(tag, 2), groups, ",")
		rest = substr($0, RSTART + RLENGTH)
		sub(/ *\*\/.*/, "", rest)
		total = split(rest, names, " ")
		for (g = 1; g <= count; g++)
			for (n = 1; n <= total; n++) {
				print groups[g], names[n]
				more = split(also[names[n]], others, " ")
				for (m = 1; m <= more; m++)
					print groups[g], others[m]
			}
	}' $(find core applets -name '*.c' | sort) | sort -u
}

if test "${1:-}" = --list; then
	collect | awk '{ list[$1] = list[$1] " " $2 } END { for (group in list) print group ":" list[group] }' | sort
	exit
fi

collect | awk '
{
	if (!($1 in bit)) {
		bit[$1] = count++
		order[count] = $1
	}
	groups[$2] = groups[$2] (groups[$2] == "" ? "" : " | ") "1 << " bit[$1]
}
END {
	print "/* made by build/seccomp.sh */"
	for (i = 1; i <= count; i++)
		width = length(order[i]) >= width ? length(order[i]) + 1 : width
	print "static const char call_groups[][" width + 0 "] = {"
	for (i = 1; i <= count; i++)
		print "\t\"" order[i] "\","
	print "};\n"
	print "static const struct { uint16_t number, groups; } calls[] = {"
	print "\t{ __NR_io_uring_enter, 0xffff },"	# looked for first
	for (name in groups)
		if (name != "io_uring_enter")
			lines[++total] = "#ifdef __NR_" name "\n\t{ __NR_" name ", " groups[name] " },\n#endif"
	for (i = 1; i <= total; i++)
		for (j = i + 1; j <= total; j++)
			if (lines[j] < lines[i]) { swap = lines[i]; lines[i] = lines[j]; lines[j] = swap }
	for (i = 1; i <= total; i++)
		print lines[i]
	print "};"
}'
