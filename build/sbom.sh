#!/bin/sh
# SPDX-License-Identifier: MIT
#
# sbom.sh OUT - what OUT/ublk is made of, as SPDX 2.3 in JSON: itself, and what is linked into it
#
# Of each library, what OUT/deps/used and OUT/musl.used say; whether any of it is in the program, its symbols say. The same
# program gives the same bytes: the time is SOURCE_DATE_EPOCH or 0, and the name of the document is made of its digest.
set -eu
out=$1
here=$(cd "$(dirname "$0")" && pwd)
program=$out/ublk
version=$("$here/version.sh")
created=$(date -u -d "@${SOURCE_DATE_EPOCH:-0}" +%Y-%m-%dT%H:%M:%SZ)
# the compiler may be several words, and of the library that comes with it only a few functions are taken
runtime_version=$(${CC:-gcc} -dumpfullversion 2>/dev/null || echo -)

# name, licence, version, file, SHA256, a symbol that is there if any of it is
parts() {
	cat "$out/musl.used" "$out/deps/used"
	printf 'libgcc\tGPL-3.0-or-later WITH GCC-exception-3.1\t%s\t-\t-\n' "$runtime_version"
}

symbol_of() {
	case $1 in
	musl) echo __libc_start_main ;;
	liburing) echo io_uring_queue_mmap ;;
	zlib) echo inflateReset ;;
	libdeflate) echo libdeflate_crc32 ;;
	libgcc) echo '__\(popcount[sd]i2\|clz[sd]i2\|ctz[sd]i2\|aarch64_have_lse_atomics\)' ;;
	esac
}

linked() {
	tab=$(printf '\t')
	${NM:-nm} "$program.debug" >"$work/symbols"
	parts | while IFS=$tab read -r name rest; do
		! grep -q " $(symbol_of "$name")\$" "$work/symbols" || printf '%s\t%s\n' "$name" "$rest"
	done
}

digest() {
	"$1sum" "$program" | cut -d ' ' -f 1
}

# A UUID of the kind that anybody may make of anything (RFC 9562, version 8)
document_name() {
	digest sha256 | sed 's/^\(.\{8\}\)\(.\{4\}\).\(.\{3\}\).\(.\{3\}\)\(.\{12\}\).*/urn:uuid:\1-\2-8\3-8\4-\5/'
}

packages() {
	awk -F '\t' '{
		printf ",\n{\"SPDXID\":\"SPDXRef-Package-%s\",\"name\":\"%s\",\"downloadLocation\":\"NOASSERTION\",", $1, $1
		printf "\"filesAnalyzed\":false,\"copyrightText\":\"NOASSERTION\",\"licenseDeclared\":\"%s\",", $2
		printf "\"licenseConcluded\":\"%s\"", $2
		if ($3 != "-")
			printf ",\"versionInfo\":\"%s\"", $3
		if ($4 != "-")
			printf ",\"packageFileName\":\"%s\"", $4
		if ($5 != "-")
			printf ",\"checksums\":[{\"algorithm\":\"SHA256\",\"checksumValue\":\"%s\"}]", $5
		printf "}"
	}' "$work/linked"
}

relationships() {
	awk -F '\t' '{
		printf ",\n{\"spdxElementId\":\"SPDXRef-Package-ublk\",\"relationshipType\":\"STATIC_LINK\","
		printf "\"relatedSpdxElement\":\"SPDXRef-Package-%s\"}", $1
	}' "$work/linked"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
linked >"$work/linked"
cat <<-END
	{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"ublk-$version",
	"documentNamespace":"$(document_name)",
	"creationInfo":{"created":"$created","creators":["Tool: ublk-sbom-$version"]},
	"packages":[
	{"SPDXID":"SPDXRef-Package-ublk","name":"ublk","versionInfo":"$version","downloadLocation":"NOASSERTION",
	"filesAnalyzed":false,"primaryPackagePurpose":"APPLICATION","copyrightText":"Copyright (c) 2026 The ublk authors",
	"licenseDeclared":"MIT","licenseConcluded":"MIT"}$(packages)],
	"files":[
	{"SPDXID":"SPDXRef-File-ublk","fileName":"./ublk","fileTypes":["BINARY"],"copyrightText":"NOASSERTION",
	"licenseConcluded":"NOASSERTION","checksums":[{"algorithm":"SHA1","checksumValue":"$(digest sha1)"},
	{"algorithm":"SHA256","checksumValue":"$(digest sha256)"}]}],
	"relationships":[
	{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-Package-ublk"},
	{"spdxElementId":"SPDXRef-File-ublk","relationshipType":"GENERATED_FROM","relatedSpdxElement":"SPDXRef-Package-ublk"}$(relationships)]}
END
