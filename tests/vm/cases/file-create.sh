# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # the inner shell expands
about "--create makes a sparse file, replaces nothing, and leaves nothing when there was no disk after all"

disk=$(start_disk file "$case/new" --create 1G)
expect "$(stat -c '%s %a %b' "$case/new")" = "1073741824 600 0"
expect "$(blockdev --getsize64 "$disk")" = 1073741824
pattern 64K 1 | write_at "$disk" 512M
stop_disk "$disk"
expect "$(read_at "$case/new" 512M 64K | sum)" = "$(pattern 64K 1 | sum)"

sum=$(read_at "$case/new" 512M 64K | sum)
expect_status 5 timeout 10 ublk-file "$case/new" --create 1M
expect_said "$case/new exists already, and --create makes a new file"
ln -s "$case/nowhere" "$case/link"
expect_status 5 timeout 10 ublk-file "$case/link" --create 1M
expect ! -e "$case/nowhere"
expect "$(stat -c %s "$case/new")" = 1073741824
expect "$(read_at "$case/new" 512M 64K | sum)" = "$sum"

# a number that is taken, a size without a whole sector, a place that is full, somebody who does not want to know
disk=$(start_disk null)
expect_status 5 timeout 10 ublk-file "$case/other" --create 1M --id "${disk#/dev/ublkb}"
expect ! -e "$case/other"
expect_status 1 ublk-file "$case/other" --create 100
expect ! -e "$case/other"
expect_status 1 ublk-file "$case/other" --create 1M --pidfile /nowhere/pid
expect ! -e "$case/other"
expect_status 1 sh -c 'ublk-file "$1" --create 1M >/dev/full' sh "$case/other"
expect ! -e "$case/other"
cd "$case" || exit
expect_status 5 timeout 10 ublk-file other --create 1M --background --id "${disk#/dev/ublkb}"
expect ! -e "$case/other"
for with in --read-only --cow; do
	expect_status 2 ublk-file "$case/other" --create 1M $with
	expect ! -e "$case/other"
done
# one that a command has used stays
ublk-file "$case/other" --create 1M -- sh -c 'echo here >"$UBLK_DEV"'
expect "$(head -n 1 "$case/other")" = here
