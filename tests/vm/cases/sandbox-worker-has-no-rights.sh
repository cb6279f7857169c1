# SPDX-License-Identifier: MIT
about "no thread of a serving process is root, has a capability or can gain one, or may call what it does not need; ublk-ctl info says so"

! grep -q '^ublk:' /etc/passwd || skip "there is a user ublk here"
modprobe ext4

# confined DISK KIND... - all threads of its server are; there is one of each kind. The kernel's own end when they like.
confined() {
	local disk="$1" task status kinds=' ' kind

	shift
	for task in "/proc/$(worker_pid "$disk")"/task/*; do
		kind=$(cat "$task/comm") && status=$(cat "$task/status") || continue
		expect "$(echo "$status" | awk '/^Cap/ { print $1 $2 }' | tr '\n' ' ')" = "CapInh:0000000000000000 CapPrm:0000000000000000 CapEff:0000000000000000 CapBnd:0000000000000000 CapAmb:0000000000000000 "
		expect "$(echo "$status" | awk '/^(Uid|Gid):/ { print $2, $3, $4, $5 }' | sort -u)" = \
			"1969384555 1969384555 1969384555 1969384555"
		expect "$(echo "$status" | awk '/^Groups:/ { print NF }')" = 1
		expect "$(echo "$status" | awk '/^(NoNewPrivs|Seccomp):/ { print $2 }' | tr '\n' ' ')" = "1 2 "
		kinds="$kinds$(echo "$kind" | tr -d '0-9') "
	done
	for kind; do
		case $kinds in
		*" $kind"*) ;;
		*) fail "there is no thread $kind among $kinds" ;;
		esac
	done
	expect "$(awk '/^Max core file size/ { print $5 $6 }' "/proc/$(worker_pid "$disk")/limits")" = 00
	expect "$(awk '/^Max open files/ { print $4 $5 }' "/proc/$(worker_pid "$disk")/limits")" = 00
	expect "$(ublk-ctl list -n --raw -O uid,sandbox "$disk")" = \
		"1969384555 no_capabilities,no_new_privs,seccomp,landlock,restricted_rings"
}

disk=$(start_disk mem --size 16M --queues 2)
pattern 4M 1 | write_at "$disk" 0
confined "$disk" ublk-worker ublk-q

# what is not at once is done by the kernel's own threads
image=$(scratch 96M)
mkfs.ext4 -q "$image"
mount -o loop "$image" /mnt
on_exit umount /mnt
truncate -s 32M /mnt/file
disk=$(start_disk file /mnt/file --direct-io=off --io=get-data --queues 2)
pattern 4M 1 | write_at "$disk" 0
confined "$disk" ublk-worker ublk-q iou-wrk

requires zip
mkdir "$case/dir"
pattern 8M 2 >"$case/dir/a"
(cd "$case/dir" && zip -q ../a.zip a)
disk=$(start_disk zip "$case/a.zip" --member=a --workers=3 --queues=1)
expect "$(read_at "$disk" 0 8M | sum)" = "$(pattern 8M 2 | sum)"
expect "$(find "/proc/$(worker_pid "$disk")/task" -mindepth 1 -maxdepth 1 | wc -l)" -ge 5
confined "$disk" ublk-worker ublk-q
