# SPDX-License-Identifier: MIT
about "an archive is a file system: everything that zip packed is there, with modes, times and links, in every --io mode of this kernel"

modprobe erofs
mkdir -p "$case/tree/a/b/empty" "$case/mnt"
cp -r /tests "$case/tree/a/"
pattern 3M 1 >"$case/tree/a/pattern"
head -c 300000 /dev/urandom >"$case/tree/random" # stored: it does not deflate
ln -s ../random "$case/tree/a/link"
chmod 600 "$case/tree/random"
find "$case/tree" -exec touch -h -d '2021-03-04 05:06:08' {} +
(cd "$case/tree" && TZ=UTC zip -qry ../tree.zip .)

everything() {
	manifest "$1"
	(cd "$1" && find . ! -type d -exec stat -c '%n %Y' {} + | sort)
}
wanted=$(everything "$case/tree")
for mode in $(ublk-zip "--io=?" x 2>&1 | sed -n 's/.* is one of \(auto, .*\), not .*/\1/p' | tr -d ,); do
	ublk-file "$case/tree.zip" --read-only --io="$mode" -- true 2>/dev/null || continue
	disk=$(start_disk zip "$case/tree.zip" --io="$mode")
	expect_status 0 fsck.erofs "$disk"
	mount -t erofs -o ro "$disk" "$case/mnt"
	on_exit "umount $case/mnt 2>/dev/null || true"
	expect "$mode $(everything "$case/mnt")" = "$mode $wanted"
	umount "$case/mnt"
	stop_disk "$disk"
done
