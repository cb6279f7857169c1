# SPDX-License-Identifier: MIT
# long
about "an archive whose files are images of other file systems, and whose names spell their magic numbers, looks like erofs and like nothing else"

modprobe erofs
mkdir "$case/tree"
for type in ext4 xfs; do
	truncate -s 320M "$case/tree/$type"
	"mkfs.$type" -q "$case/tree/$type"
done
truncate -s 16M "$case/tree/gpt" "$case/tree/swap"
printf 'label: gpt\n,8M\n' | sfdisk -q "$case/tree/gpt"
mkswap -q "$case/tree/swap" 2>/dev/null || mkswap "$case/tree/swap" >/dev/null
for name in CD001 LUKS hsqs XFSB SWAPSPACE2 'EFI PART' BEA01 NTFS; do pattern 4K >"$case/tree/$name"; done
(cd "$case/tree" && zip -qr0 ../stored.zip . && zip -qr1 ../deflated.zip .)
for archive in stored deflated; do
	disk=$(start_disk zip "$case/$archive.zip")
	expect "$(blkid -p -o value -s TYPE "$disk")" = erofs
	expect "$(wipefs --noheadings "$disk" | wc -l)" = 1
	expect ! -e "${disk}p1"
	stop_disk "$disk"
done
