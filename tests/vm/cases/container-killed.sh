# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "a container that is killed leaves a dead device, and prune on the host deletes it"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh
like docker
may io_uring control devices
start_contained ublk-mem 16M --queues 1
$c_crun kill "$c_name" KILL
wait "$container" || true
pruned() {
	ublk-ctl prune && test -z "$(ublk-ctl list -n)"
}
wait_until 30 pruned # a device that is seconds old may be about to be started
nothing_left
