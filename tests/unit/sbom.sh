#!/bin/sh
# SPDX-License-Identifier: MIT
#
# sbom.sh - what "make sbom" says is SPDX 2.3, true of the program, and the same each time. Prints TAP.
#
# Environment: UBLK_BIN=FILE is the program (out/ublk), with what it was made of beside it.
#
# shellcheck disable=SC2317 # what claim calls
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
# shellcheck source=tests/claims.sh
. "$top/tests/claims.sh"
out=$(dirname "$(readlink -f "${UBLK_BIN:-$top/out/ublk}")")
command -v python3 >/dev/null || { echo "1..0 # SKIP there is no python3" && exit; }

# What the specification demands of a document, a package, a file and a relationship
is_spdx() {
	python3 - "$work/sbom" <<-'END'
		import json, re, sys

		document = json.load(open(sys.argv[1]))
		assert document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0"
		assert document["SPDXID"] == "SPDXRef-DOCUMENT" and document["name"]
		assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", document["documentNamespace"])
		assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["creationInfo"]["created"])
		assert all(re.match("(Tool|Person|Organization): ", who) for who in document["creationInfo"]["creators"])
		ids = [document["SPDXID"]]
		lengths = {"SHA1": 40, "SHA256": 64}
		for package in document["packages"]:
		    ids.append(package["SPDXID"])
		    assert package["name"] and package["downloadLocation"] and package["filesAnalyzed"] is False
		for file in document["files"]:
		    ids.append(file["SPDXID"])
		    assert file["fileName"].startswith("./")
		    assert any(sum["algorithm"] == "SHA1" for sum in file["checksums"])
		for thing in document["packages"] + document["files"]:
		    assert thing["licenseConcluded"] and thing["copyrightText"]
		    for sum in thing.get("checksums", []):
		        assert re.fullmatch(f"[0-9a-f]{{{lengths[sum['algorithm']]}}}", sum["checksumValue"]), sum
		assert len(ids) == len(set(ids)) and all(re.fullmatch("SPDXRef-[A-Za-z0-9.-]+", id) for id in ids)
		kinds = {"DESCRIBES", "GENERATED_FROM", "STATIC_LINK"}
		for relationship in document["relationships"]:
		    assert relationship["relationshipType"] in kinds
		    assert relationship["spdxElementId"] in ids and relationship["relatedSpdxElement"] in ids
		related = {r["relatedSpdxElement"] for r in document["relationships"]}
		assert related == {package["SPDXID"] for package in document["packages"]}
	END
}

is_true() {
	python3 - "$work/sbom" "$out/ublk" "$top" <<-'END'
		import hashlib, json, pathlib, re, subprocess, sys

		document = json.load(open(sys.argv[1]))
		program = pathlib.Path(sys.argv[2])
		(file,) = document["files"]
		sums = {sum["algorithm"]: sum["checksumValue"] for sum in file["checksums"]}
		assert sums["SHA256"] == hashlib.sha256(program.read_bytes()).hexdigest()
		assert sums["SHA1"] == hashlib.sha1(program.read_bytes()).hexdigest()
		packages = {package["name"]: package for package in document["packages"]}
		said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
		assert said == f"ublk {packages['ublk']['versionInfo']}\n", said
		assert {"ublk", "musl", "liburing", "zlib", "libdeflate"} <= set(packages)
		# the pinned checksums are those of the scripts that check them
		scripts = "".join((pathlib.Path(sys.argv[3]) / "build" / name).read_text() for name in ("deps.sh", "musl.sh"))
		pinned = set(re.findall(r"sha256=([0-9a-f]{64})", scripts))
		for name in ("musl", "liburing", "zlib", "libdeflate"):
		    for sum in packages[name].get("checksums", []):
		        assert sum["checksumValue"] in pinned, name
	END
}

# Each machine's compiler takes something else of its own library
compiler_is_named() {
	cp -r "$work/out" "$work/gcc" &&
		for function in __popcountdi2 __clzdi2 __aarch64_have_lse_atomics; do
			echo "int $function(void) { return 0; } int main(void) { return 0; }" >"$work/small.c" &&
				cc -w -o "$work/gcc/ublk.debug" "$work/small.c" &&
				build/sbom.sh "$work/gcc" | grep Package-libgcc || return 1
		done
}

same_again() {
	(umask 077 && cd / && TZ=Asia/Tokyo LC_ALL=C "$top/build/sbom.sh" "$out" >"$work/again") && cmp "$work/sbom" "$work/again"
}

# No zlib in a program that does not unpack
only_what_is_linked() {
	mkdir "$work/out" &&
		cp "$out/ublk" "$out/musl.used" "$work/out/" && cp -r "$out/deps" "$work/out/" &&
		echo 'int io_uring_queue_mmap(void) { return 0; } int main(void) { return 0; }' >"$work/small.c" &&
		cc -o "$work/out/ublk.debug" "$work/small.c" &&
		build/sbom.sh "$work/out" >"$work/small" &&
		grep -q Package-liburing "$work/small" && ! grep -e Package-zlib -e Package-libdeflate "$work/small"
}

make_one() {
	env -u SOURCE_DATE_EPOCH build/sbom.sh "$out" >"$work/sbom"
}

claim "a document is made" make_one
claim "it is SPDX 2.3" is_spdx
claim "its checksums and versions are true" is_true
claim "it is the same when it is made again" same_again
claim "what is not linked is not in it" only_what_is_linked
claim "what comes with the compiler is, on each machine" compiler_is_named
claims_end
