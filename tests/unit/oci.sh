#!/bin/sh
# SPDX-License-Identifier: MIT
#
# oci.sh - the image of "make oci": every name in it leads to bytes of that digest and size, it holds the program and its
# links and nothing else, it is the same each time, and skopeo reads it. Prints TAP.
#
# Environment: UBLK_BIN=FILE is the program (out/ublk).
#
# shellcheck disable=SC2086,SC2317 # a word for each applet; what claim calls
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
ublk=$(readlink -f "${UBLK_BIN:-$top/out/ublk}")
applets=$("$ublk" --list)
# shellcheck source=tests/claims.sh
. "$top/tests/claims.sh"
command -v python3 >/dev/null || { echo "1..0 # SKIP there is no python3" && exit; }

whole() {
	python3 - "$work/image.tar" "$ublk" <<-'END'
		import hashlib, io, json, subprocess, sys, tarfile

		image = tarfile.open(sys.argv[1])
		program = open(sys.argv[2], "rb").read()
		files = {m.name[2:]: image.extractfile(m).read() for m in image if m.isfile()}
		seen = {"oci-layout", "index.json", "manifest.json"}

		def blob(descriptor):
		    algorithm, digest = descriptor["digest"].split(":")
		    name = f"blobs/{algorithm}/{digest}"
		    seen.add(name)
		    assert hashlib.sha256(files[name]).hexdigest() == digest and len(files[name]) == descriptor["size"], name
		    return files[name]

		assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
		(first,) = json.loads(files["index.json"])["manifests"]
		manifest = json.loads(blob(first))
		assert manifest["mediaType"] == first["mediaType"] and manifest["schemaVersion"] == 2
		config = json.loads(blob(manifest["config"]))
		(layer,) = [blob(d) for d in manifest["layers"]]
		assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
		assert config["config"]["Entrypoint"] == ["/ublk"] and config["os"] == "linux" and config["architecture"]
		assert all(key.startswith("org.opencontainers.image.") and value for key, value in config["config"]["Labels"].items())
		(old,) = json.loads(files["manifest.json"])
		assert old["Config"] in seen and old["Layers"] == [f"blobs/{manifest['layers'][0]['digest'].replace(':', '/')}"]
		assert set(files) == seen, set(files) ^ seen

		applets = subprocess.run([sys.argv[2], "--list"], capture_output=True, text=True, check=True).stdout
		links = {"ublk-" + line.split()[0].removeprefix("ublk-") for line in applets.splitlines()}
		root = tarfile.open(fileobj=io.BytesIO(layer))
		members = {m.name[2:]: m for m in root if m.name != "."}
		assert set(members) == links | {"ublk"}, members
		assert all(members[name].issym() and members[name].linkname == "ublk" for name in links)
		assert members["ublk"].mode == 0o755 and root.extractfile(members["ublk"]).read() == program
		assert all((m.uid, m.gid, m.mtime) == (0, 0, 0) for m in root)
	END
}

same_elsewhere() {
	(umask 077 && cd / && TZ=Asia/Tokyo LC_ALL=C "$top/build/oci.sh" "$ublk" "$work/again.tar" $applets) &&
		cmp "$work/image.tar" "$work/again.tar"
}

labels() {
	SOURCE_URL=https://example.org/ublk "$top/build/oci.sh" "$ublk" "$work/labelled.tar" $applets &&
		python3 - "$work/labelled.tar" "$("$ublk" --version)" <<-'END'
			import json, sys, tarfile

			image = tarfile.open(sys.argv[1])
			(name,) = [entry["Config"] for entry in json.load(image.extractfile("./manifest.json"))]
			labels = json.load(image.extractfile("./" + name))["config"]["Labels"]
			wanted = {"source": "https://example.org/ublk", "version": sys.argv[2].removeprefix("ublk "), "licenses": "MIT AND Zlib"}
			assert wanted.items() <= {key.rsplit(".", 1)[1]: value for key, value in labels.items()}.items(), labels
		END
}

read_by_skopeo() {
	mkdir "$work/copy" &&
		skopeo --insecure-policy copy --quiet "oci-archive:$work/image.tar" "dir:$work/copy" &&
		skopeo inspect --config "docker-archive:$work/image.tar" | grep -q '"/ublk"'
}

claim "an image is made" env -u SOURCE_DATE_EPOCH "$top/build/oci.sh" "$ublk" "$work/image.tar" $applets
claim "it is whole, and holds the program, its links, and nothing else" whole
claim "it is the same when it is made elsewhere" same_elsewhere
claim "it says its version, its licences, and where its sources are if that is told" labels
if command -v skopeo >/dev/null; then
	claim "skopeo reads it, as OCI's and as docker's" read_by_skopeo
else
	echo "# SKIP there is no skopeo"
fi
claims_end
