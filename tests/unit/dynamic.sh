#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dynamic.sh - make STATIC=0 makes a program for the machine's C library, which is as hardened as such ones can be
#
# That such a program serves is shown by UBLK_BIN=... tests/vm/cases.sh, by hand. Prints TAP.
#
# shellcheck disable=SC2317 # what claim calls
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/claims.sh
. "$top/tests/claims.sh"
test -e out/deps/deps.stamp || { echo "1..0 # SKIP nothing has been made yet" && exit; }
out=$work/out

make_dynamic() {
	make -s -j"$(nproc)" OUT="$out" STATIC=0 DEPS_DIR="$top/out/deps" all
}

answers() {
	"$out/ublk" --version | grep -q '^ublk ' && "$out/ublk" mem --help | grep -q '^ ublk-mem ' && ! "$out/ublk" mem
}

is_hardened() {
	readelf -lW "$out/ublk" | grep -q INTERP && readelf -hW "$out/ublk" | grep -q 'Type: *DYN' &&
		readelf -lW "$out/ublk" | grep -q GNU_RELRO && readelf -dW "$out/ublk" | grep -q 'Flags:.*NOW' &&
		! readelf -lW "$out/ublk" | grep 'GNU_STACK.*E' && readelf --dyn-syms -W "$out/ublk" | grep -q __stack_chk_fail
}

needs_libc_alone() {
	! readelf -dW "$out/ublk" | grep NEEDED | grep -v -e 'libc\.so' -e 'ld-linux'
}

# What glibc calls where musl does not; a server would be killed for it
may_call() {
	grep -q clone3 "$out/generated/syscalls.inc" && grep -q newfstatat "$out/generated/syscalls.inc" &&
		! grep -e clone3 -e newfstatat out/generated/syscalls.inc
}

claim "it is made" make_dynamic
claim "it answers" answers
claim "it has its addresses at random, and nothing writable that need not be" is_hardened
claim "it needs the C library and no other" needs_libc_alone
claim "its servers may call what that library calls, and static ones may not" may_call
claims_end
