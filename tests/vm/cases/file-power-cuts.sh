# SPDX-License-Identifier: MIT
about "wherever the power is cut, what was flushed is on the medium: direct, through the page cache, and in any mode"

requires dmsetup power-cuts
export DM_DISABLE_UDEV=1 # nobody else makes the nodes
modprobe -a dm-log-writes loop
medium=$(losetup -f --show "$(scratch 2M)")
on_exit losetup -d "$medium"
on_exit 'test ! -e /dev/mapper/logged || DM_DISABLE_UDEV=1 dmsetup remove logged'
total=0
for options in --direct-io=on --direct-io=off "--io=user-copy --direct-io=on" "--supervise --direct-io=off"; do
	log=$(losetup -f --show "$(scratch $((${rounds:-15} * 64 + 1024))K)")
	dmsetup create logged --table "0 4096 log-writes $medium $log"
	# shellcheck disable=SC2086 # several words
	disk=$(start_disk file /dev/mapper/logged $options)
	power-cuts write "$disk" "${rounds:-15}"
	stop_disk "$disk"
	dmsetup remove logged
	cuts=$(power-cuts check "$log") || fail "$options: $cuts"
	expect "$cuts" -ge $((${rounds:-15} * 2))
	total=$((total + cuts))
	losetup -d "$log"
done
counted_as $total "power cuts"
