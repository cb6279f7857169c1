#!/bin/bash
# SPDX-License-Identifier: MIT
#
# zip-trees.sh - archives of many makers, as file systems: what fsck.erofs takes out of the image is what went in
#
# DUMP is tests/unit/programs/dump.c: the whole image, asked for as a kernel would, under the sanitizers.
#
# shellcheck disable=SC2317 # what claim calls
set -u
dump=${DUMP:-out/unit/asan/dump}
dump=$(realpath "$dump")
ublk=$(realpath "${UBLK_BIN:-out/ublk}")
here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/claims.sh
. "$here/../claims.sh"
export TZ=UTC LC_ALL=C.UTF-8

for tool in zip unzip 7z bsdtar python3 fsck.erofs; do
	command -v $tool >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing"
		exit
	}
done
PATH=$PATH:/usr/sbin:/sbin

# tree DIR - a line for each file: its type, mode, time to the second, target, size and contents
tree() {
	(cd "$1" && find . -mindepth 1 \( -type d -printf '%P %y %m\n' \) -o -printf '%P %y %m %Ts %l %s\n' | sort)
	(cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2)
}

# image ARCHIVE [OPTION...] - $work/image and $work/out
image() {
	rm -rf "$work/image" "$work/out"
	"$dump" --reads 300 zip "$@" >"$work/image" || return
	fsck.erofs "$work/image" && fsck.erofs --extract="$work/out" "$work/image"
}

# is_tree ARCHIVE DIR
is_tree() {
	image "$1" && diff <(tree "$2") <(tree "$work/out")
}

refused() {
	"$dump" zip "$@" >"$work/image"
	test $? = 1
}

# --- a tree with something of everything

make_tree() {
	mkdir -p "$1"/{a/b/c/d,empty,names,many}
	seq 300000 >"$1/a/numbers"			# deflated, of several spans
	head -c 3000000 /dev/zero >"$1/a/zeroes"
	head -c 400000 /dev/urandom >"$1/a/b/random"	# does not deflate: stored
	printf 'tiny' >"$1/a/b/c/d/tiny"
	: >"$1/a/b/nothing"
	printf 'x' >"$1/names/-first"
	printf 'y' >"$1/names/!x"
	printf 'z' >"$1/names/..b"
	printf 'u' >"$1/names/grün ☃"
	printf 'l' >"$1/names/$(printf '%0200d' 7)"
	ln -s ../numbers "$1/a/b/link"
	ln -s /nowhere "$1/dangling"
	for i in $(seq 700); do echo "$i" >"$1/many/file$i"; done
	chmod 600 "$1/a/numbers"
	chmod 755 "$1/a/b/c/d/tiny"
	chmod 711 "$1/empty"
	chmod 444 "$1/names/-first"
	find "$1" -exec touch -h -d '2021-03-04 05:06:08' {} +
}

make_tree "$work/tree"
cd "$work/tree" || exit
zip -qry ../info.zip . && zip -qry0 ../stored.zip . && zip -qry9 - . >../streamed.zip
bsdtar -a -cf ../bsdtar.zip --format zip -- * && 7z a -bd -snl ../7z.zip . >/dev/null
cd "$work" || exit
python3 - <<'END'
import os, zipfile, stat
with zipfile.ZipFile('python.zip', 'w', zipfile.ZIP_DEFLATED) as z:
    for root, dirs, files in os.walk('tree'):
        for name in files:
            path = os.path.join(root, name)
            if not os.path.islink(path):
                z.write(path, os.path.relpath(path, 'tree'))
with zipfile.ZipFile('zip64.zip', 'w', zipfile.ZIP_DEFLATED) as z:
    for i in range(66000):
        z.writestr('%d/%d' % (i % 256, i), '')
    with z.open('large', 'w', force_zip64=True) as f:
        f.write(b'large' * 100000)
with open('prefixed.zip', 'wb') as f:
    f.write(b'#!/bin/sh\nexec unzip "$0"\n' + b'\0' * 12345 + open('info.zip', 'rb').read())
with zipfile.ZipFile('empty.zip', 'w'):
    pass
with zipfile.ZipFile('deep.zip', 'w') as z:
    z.writestr('/'.join('d%d' % i for i in range(500)) + '/f', 'deep')
END

claim "what zip packs is there: names, modes, times, links and bytes" is_tree info.zip tree
claim "so it is when nothing is deflated" is_tree stored.zip tree
claim "so it is with data descriptors, as zip writes to a pipe" is_tree streamed.zip tree
claim "so it is behind a program that unpacks it" is_tree prefixed.zip tree
claim "what bsdtar packs is there" is_tree bsdtar.zip tree

contents() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2); }
same_contents() { image "$1" && diff <(contents "$2") <(contents "$work/out"); }
claim "what 7z packs has the right contents" same_contents 7z.zip tree
claim "what python packs has the right contents" same_contents python.zip tree

zip64() { image zip64.zip && test "$(find out -type f | wc -l)" = 66001 && cmp out/large <(yes large | tr -d '\n' | head -c 500000); }
claim "more entries than 65535, and a member with sizes of 64 bits" zip64
claim "an empty archive is an empty file system" image empty.zip
deep() { image deep.zip && test "$(find out -type f -name f -exec cat {} +)" = deep; }
claim "directories 500 deep" deep

# --- those that are also something else

self_extracting() {
	cat "$(command -v unzipsfx)" info.zip >sfx && zip -qA sfx && is_tree sfx tree
}
claim_with unzipsfx "an archive that unpacks itself, with offsets as zip -A adjusts them" self_extracting
zipapp() {
	mkdir app && cp -r tree/many app/ && echo 'print("runs")' >app/__main__.py &&
		python3 -m zipapp -p '/usr/bin/env python3' -c app && same_contents app.pyz app && test "$(python3 app.pyz)" = runs
}
claim "a program of python's that is an archive" zipapp
jar_of_java() { jar --create --file java.jar --no-manifest -C app . && same_contents java.jar app; }
claim_with jar "what jar packs has the right contents" jar_of_java
# the first member has to be this one, and stored; readers look for it at byte 30
document() {
	mkdir -p odf/META-INF && printf 'application/vnd.oasis.opendocument.text' >odf/mimetype && cp tree/a/numbers odf/content.xml &&
		: >odf/META-INF/manifest.xml && (cd odf && zip -qX0 ../document.odt mimetype && zip -qrX ../document.odt . -x mimetype) &&
		same_contents document.odt odf
}
claim "a document of an office" document

# --- many, and large ones

real_files() {
	find /usr -xdev -type f -size -20k -readable ! -name '*
*' 2>/dev/null | LC_ALL=C sort | head -n 15000 >list && test "$(wc -l <list)" -ge 10000 &&
		zip -q1 real.zip -@ <list && mkdir unzipped && (cd unzipped && unzip -q ../real.zip) && is_tree real.zip unzipped
}
claim "tens of thousands of this machine's files are as unzip unpacks them" real_files

# 4 GiB and some more of zeros, and then a text, once as a hole and once deflated
large_members() {
	python3 - "$here/../fuzz" large.zip tree/a/numbers <<-'END'
	import sys, zlib
	sys.path.insert(0, sys.argv[1])
	import hostile
	text = open(sys.argv[3], "rb").read()
	zeros = 65 << 26
	crc = zlib.crc32(text, hostile.crc_of_zeros(zeros))
	packer = zlib.compressobj(1, zlib.DEFLATED, -15)
	chunk = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
	z = hostile.Zip(sys.argv[2])
	z.add(b"deflated", chunk * (zeros >> 20) + hostile.deflate(text), zeros + len(text), crc, 8)
	z.add_behind_hole(b"stored", text, zeros, crc)
	z.close()
	END
}
ends_with_the_text() {
	"$dump" zip large.zip --member "$1" >disk && cmp <(tail -c +$(((65 << 26) + 1)) disk | head -c "$(stat -c %s tree/a/numbers)") tree/a/numbers
}
stored_and_large() { large_members && ends_with_the_text stored; }
claim "a stored member of more than 4 GiB" stored_and_large
claim "and a deflated one" ends_with_the_text deflated

# --- damage

damage() {
	python3 - "$@" <<'END'
import sys, zipfile
source, target, name = sys.argv[1:]
data = bytearray(open(source, 'rb').read())
info = zipfile.ZipFile(source).getinfo(name)
start = info.header_offset + 30 + len(info.filename)
data[start + info.compress_size // 2] ^= 0x55
open(target, 'wb').write(data)
END
}

damage python.zip damaged.zip a/numbers
damaged() {
	image damaged.zip 2>"$work/errors" || true
	grep -q 'a/numbers\|error at' "$work/errors" || return
	"$dump" zip damaged.zip >"$work/image" 2>"$work/errors"
	fsck.erofs --extract="$work/out2" "$work/image"
	diff <(contents tree | grep -v a/numbers) <(contents "$work/out2" | grep -v a/numbers)
}
claim "where a byte is wrong only the member that it is in cannot be read" damaged
verified() { "$dump" zip --verify damaged.zip >"$work/image" 2>"$work/errors"; test $? = 1 && grep -q 'a/numbers is damaged' "$work/errors"; }
claim "--verify finds it, and names it" verified
claim "--verify finds nothing in what is in order" image info.zip --verify

lie() {
	python3 - "$@" <<'END'
import sys, zipfile
source, target, name = sys.argv[1:]
data = bytearray(open(source, 'rb').read())
data[zipfile.ZipFile(source).getinfo(name).header_offset + 30] ^= 0x01
open(target, 'wb').write(data)
END
}

lie python.zip lying.zip a/numbers
lying() {
	"$dump" zip lying.zip >"$work/image" 2>"$work/errors"
	grep -q 'a/numbers cannot be read: its local header has another name' "$work/errors" || return
	rm -rf "$work/out2"
	fsck.erofs --extract="$work/out2" "$work/image"
	diff <(contents tree | grep -v a/numbers) <(contents "$work/out2" | grep -v a/numbers)
}
claim "where a local header says something else only that member cannot be read" lying
claim "as the disk it is refused" refused lying.zip --member a/numbers
claim "and with --verify the archive is" refused lying.zip --verify

many_lies() {
	python3 - <<-'END'
	import zipfile
	with zipfile.ZipFile('lies.zip', 'w') as z:
	    for i in range(150):
	        z.writestr('lie%03d' % i, 'data')
	open('lies.bin', 'wb').write(open('lies.zip', 'rb').read().replace(b'lie', b'lye', 150))
	END
	"$dump" zip lies.bin >"$work/image" 2>"$work/errors" && test "$(grep -c '^dump: lie.* cannot be read' "$work/errors")" = 100 &&
		test "$(grep -c '^dump: more of its files' "$work/errors")" = 1
}
claim "of very many that cannot be read a hundred are named" many_lies

head -c 100000 info.zip >short.zip
claim "half an archive is refused" refused short.zip
claim "and so is a file that is none" refused tree/a/numbers

# --- names that would rather be something else

python3 - <<'END'
import zipfile
names = ['a\x1b[2Jb', 'two\nlines', 'back\\slash', 'dir/\u202eright to left', ' blank ', 'gr\xfcn', 'c1\x9b2J']
with zipfile.ZipFile('names.zip', 'w') as z:
    for name in names:
        z.writestr(name, 'data')
    z.mkdir('dir')
with zipfile.ZipFile('double.zip', 'w') as z:
    z.writestr('a\x1b[2Jb', 'data')
    z.writestr('a\x1b[2Jb/c', 'data')
END
# mode, size, packed size, method, checksum, date, time: the name is what follows the blank behind these
listed() {
	"$ublk" zip --list names.zip | sed -E '1d; s/^([^ ]+ +){6}[^ ]+ //' >list
	printf '%s\n' 'a\x1b[2Jb' 'two\x0alines' 'back\\slash' 'dir/\xe2\x80\xaeright to left' ' blank ' 'grün' 'c1\xc2\x9b2J' dir/ |
		diff - list
}
claim "--list shows each member in a line, and nothing in it can act on a terminal" listed
told() { refused double.zip 2>told && grep -q 'a\\x1b\[2Jb is both' told && ! grep -q $'\x1b' told; }
claim "nor can what is said of a member" told

# --- one member

member() { "$dump" --reads 200 zip "$1" --member "$2" ${3:+"$3"} >"$work/disk" && cmp -n "$(stat -c %s "$4")" "$work/disk" "$4"; }
claim "a deflated member is a disk" member info.zip a/numbers --index=lazy tree/a/numbers
claim "and so with an index that is made first" member info.zip a/numbers --index=wait tree/a/numbers
claim "and so is a stored one" member stored.zip a/numbers "" tree/a/numbers
sized() { test "$(stat -c %s "$work/disk")" = $((($(stat -c %s tree/a/numbers) + 511) / 512 * 512)); }
claim "its size is rounded up to whole sectors" sized
claim "what is not there is no disk" refused info.zip --member a/nobody
claim "nor is a directory" refused info.zip --member a
claim "nor is what is empty" refused info.zip --member a/b/nothing

kept() {
	"$dump" zip info.zip --member a/numbers --index=wait --index-file "$work/index" >"$work/disk" && test -s "$work/index" &&
		member info.zip a/numbers "--index-file=$work/index" tree/a/numbers
}
claim "its index is kept in a file, and taken from there" kept
spoiled() {
	printf 'spoiled' | dd of="$work/index" bs=1 seek=100 conv=notrunc status=none
	"$dump" zip info.zip --member a/numbers --index=wait --index-file "$work/index" >"$work/disk" 2>"$work/errors" &&
		grep -q 'no index of this member' "$work/errors" && cmp -n "$(stat -c %s tree/a/numbers)" "$work/disk" tree/a/numbers &&
		"$dump" zip info.zip --member a/numbers --index-file "$work/index" >"$work/disk" 2>"$work/errors" && ! test -s "$work/errors"
}
claim "one that is spoiled is made anew" spoiled

claims_end
