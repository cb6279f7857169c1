#!/bin/sh
# SPDX-License-Identifier: MIT
#
# oci.sh UBLK OUT.tar APPLET... - an image for containers that holds the program and its links, and nothing else
#
# It is an OCI image layout, in a tar that "podman load", "skopeo copy oci-archive:" and "docker load" take; manifest.json
# in it is for dockers older than 25. The same program makes the same bytes, whenever and wherever: all times are
# SOURCE_DATE_EPOCH, or 0. SOURCE_URL, if there is one, is where its sources are said to be.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ublk=$1 out=$2
shift 2
applets=$*
epoch=${SOURCE_DATE_EPOCH:-0}
version=$("$here/version.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

pack() {
	tar -C "$1" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$epoch" --mode=a+rX,go-w -cf "$2" .
}

# From the program itself: it may be for another machine
architecture() {
	case $(od -An -j18 -N2 -tu2 "$ublk" | tr -d ' ') in
	62) echo amd64 ;;
	183) echo arm64 ;;
	243) echo riscv64 ;;
	*) echo "oci: $ublk is for no machine that images have a name for" >&2 && exit 1 ;;
	esac
}

fill_root() {
	mkdir "$work/root"
	install -m 755 "$ublk" "$work/root/ublk"
	for name in $applets; do
		ln -s ublk "$work/root/ublk-$name"
	done
}

# blob FILE - keep it under its digest, which is printed
blob() {
	digest=$(sha256sum "$1" | cut -d ' ' -f 1)
	mv "$1" "$work/image/blobs/sha256/$digest"
	echo "$digest"
}

size() {
	stat -c %s "$work/image/blobs/sha256/$1"
}

# descriptor KIND DIGEST - how one blob names another
descriptor() {
	printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s' "$1" "$2" "$(size "$2")"
}

write_config() {
	source_label=
	test -z "${SOURCE_URL:-}" || source_label="\"org.opencontainers.image.source\":\"$SOURCE_URL\","
	cat <<-END
	{"architecture":"$architecture","os":"linux","created":"$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)",
	"config":{"Entrypoint":["/ublk"],"Cmd":["--help"],"Env":["PATH=/"],"WorkingDir":"/","StopSignal":"SIGTERM","Labels":{
	"org.opencontainers.image.title":"ublk",
	"org.opencontainers.image.description":"Block devices served from user space, through the kernel's ublk driver",
	"org.opencontainers.image.version":"$version",$source_label
	"org.opencontainers.image.licenses":"MIT AND Zlib"}},
	"rootfs":{"type":"layers","diff_ids":["sha256:$1"]}}
	END
}

write_manifest() {
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s},"layers":[%s}]}' \
		"$(descriptor config.v1+json "$1")" "$(descriptor layer.v1.tar "$2")"
}

architecture=$(architecture)
mkdir -p "$work/image/blobs/sha256"
fill_root
pack "$work/root" "$work/layer"
layer=$(blob "$work/layer")
write_config "$layer" >"$work/config"
config=$(blob "$work/config")
write_manifest "$config" "$layer" >"$work/manifest"
manifest=$(blob "$work/manifest")
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/image/oci-layout"
printf '{"schemaVersion":2,"manifests":[%s,"annotations":{%s,%s}}]}' "$(descriptor manifest.v1+json "$manifest")" \
	'"io.containerd.image.name":"localhost/ublk:latest"' '"org.opencontainers.image.ref.name":"localhost/ublk:latest"' \
	>"$work/image/index.json"
printf '[{"Config":"blobs/sha256/%s","RepoTags":["localhost/ublk:latest"],"Layers":["blobs/sha256/%s"]}]' "$config" "$layer" \
	>"$work/image/manifest.json"
pack "$work/image" "$work/tar"
mv "$work/tar" "$out"
