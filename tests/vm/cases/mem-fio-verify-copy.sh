# SPDX-License-Identifier: MIT
about "random mixed sizes from several jobs over several queues verify with crc32c, --io=copy"

requires fio
disk=$(start_disk mem --size 64M --queues 2 --io=copy)
fio --name=v --filename="$disk" --direct=1 --ioengine=io_uring --iodepth=16 --numjobs=2 --offset_increment=32M \
	--size=32M --rw=randwrite --bsrange=512-512k --blockalign=512 --verify=crc32c --do_verify=1 \
	--verify_fatal=1 --verify_state_save=0 >"$case/fio" 2>&1 || fail "$(cat "$case/fio")"
