# SPDX-License-Identifier: MIT
# timeout: 180
# kernels: !=6.16
about "the sidecar of the example for Kubernetes: its disk is mounted for the container beside it, and gone after it"

# shellcheck source=tests/vm/container.sh
. /tests/container.sh

# between A B - the lines of the example between these, without their indentation
between() {
	sed -n "/^ *$1/,/^ *$2/p" /tests/examples/kubernetes-sidecar.yaml | sed '1d; $d; s/^ *//'
}

volume=$case/volume
mkdir "$volume"
mount -t tmpfs volume "$volume"
on_exit "umount -R $volume 2>/dev/null || true"
mount --make-shared "$volume"

like privileged
c_propagation=shared
add_bind "$volume" /disk rshared
mkfifo "$case/mounted"
between '- |' securityContext | sed "s|/tmp/mounted|$case/mounted|" >"$case/script" # where there is somebody who reads it
contained ublk-mem 64M --queues 1 -- sh -euc "$(cat "$case/script")" >"$case/$c_name.said" 2>&1 &
begun $!
timeout 60 cat "$case/mounted"
expect "$(ublk-ctl list --raw -n -O state,mount)" = "live $volume"
sidecar=$c_name

like docker
c_name=$sidecar-app
add_bind "$volume" /disk rslave
expect_status 0 contained sh -euc 'echo here >/disk/file; test -d /disk/lost+found; cat /disk/file'
expect_said '^here$'
expect "$(cat "$volume/file")" = here

like privileged
c_name=$sidecar
stop_contained
expect "$(ls -A "$volume")" = ""
nothing_left
