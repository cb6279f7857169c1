# SPDX-License-Identifier: MIT
about "writes never land where another request has just read: blocks written over and over verify, and those only read stay"

disk=$(start_disk mem --size 32M --queues 2)
pattern 8M 6 >"$case/p"
write_at "$disk" 24M <"$case/p"
fio --filename="$disk" --direct=1 --ioengine=io_uring --verify_state_save=0 --verify_fatal=1 --group_reporting \
	--name=a --size=16M --rw=randwrite --bs=4k --iodepth=32 --verify=crc32c --norandommap --io_size=48M \
	--serialize_overlap=1 \
	--name=b --offset=16M --size=8M --rw=randtrim --bs=64k --io_size=64M --verify=0 \
	--name=c --offset=24M --size=8M --rw=randread --bs=4k --iodepth=16 --io_size=32M --verify=0 \
	>"$case/fio" 2>&1 || fail "$(cat "$case/fio")"
expect "$(read_at "$disk" 24M 8M | sum)" = "$(sum <"$case/p")"
