# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "a container that can make no node waits, if it is told so, for somebody on the host who makes them"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh

# inject SYSFS-DIRECTORY TYPE - the node of what appears there, for user 1000, into the container
inject() {
	local number

	wait_until 10 test -e "$1/dev"
	number=$(cat "$1/dev")
	nsenter --target "$inside" --mount mknod -m 600 "/dev/${1##*/}" "$2" "${number%:*}" "${number#*:}"
	nsenter --target "$inside" --mount chown 1000:1000 "/dev/${1##*/}"
}

like docker
c_uid=1000
may io_uring control devices
id=4711
mkfifo "$case/ready"
exec 3<>"$case/ready"
contained ublk-mem 16M --queues 1 --no-mknod --id $id >"$case/ready" 2>"$case/$c_name.said" &
begun $!
wait_until 10 test -e /sys/class/ublk-char/ublkc$id/dev
inside=$($c_crun state "$c_name" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
inject /sys/class/ublk-char/ublkc$id c
inject /sys/block/ublkb$id b
read -r disk <&3
expect_status 0 in_container mkfs.ext4 -q "$disk"
stop_contained
nothing_left
