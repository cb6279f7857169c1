#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples.sh - the examples for containers, and the lines of the README, are such as engines take. Prints TAP.
#
# shellcheck disable=SC2317 # what claim calls
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/claims.sh
. tests/claims.sh
python3 -c 'import yaml' 2>/dev/null || { echo "1..0 # SKIP there is no python3 with yaml" && exit; }

compose() {
	python3 - <<-'END'
		import yaml
		services = yaml.safe_load(open("examples/compose.yaml"))["services"]
		disk, app = services["disk"], services["app"]
		assert disk["image"] == "localhost/ublk" and disk["command"][0] == "mem"
		assert "/dev/ublk-control" in disk["devices"] and "MKNOD" in disk["cap_add"]
		assert "privileged" not in disk and "privileged" not in app
		rules = [rule.split() for rule in disk["device_cgroup_rules"]]
		assert {rule[0] for rule in rules} == {"b", "c"} and all(rule[-1] == "rmw" for rule in rules), rules
		assert disk["device_cgroup_rules"][1] == "b 259:* rmw"
		number = disk["command"][-1].split("=")[1]
		assert app["devices"] == [f"/dev/ublkb{number}:/dev/disk"] and disk["healthcheck"]["test"][-1] == number
		assert app["depends_on"]["disk"]["condition"] == "service_healthy"
	END
}

kubernetes() {
	python3 - <<-'END'
		import yaml

		def load(name):
		    return [d for d in yaml.safe_load_all(open(f"examples/{name}.yaml"))]

		def check_pod(spec):
		    volumes = {v["name"] for v in spec.get("volumes", [])}
		    for c in spec["containers"] + spec.get("initContainers", []):
		        assert c["name"] and c["image"], c
		        for kind, path in (("volumeMounts", "mountPath"), ("volumeDevices", "devicePath")):
		            for mount in c.get(kind, []):
		                assert mount["name"] in volumes and mount[path].startswith("/"), mount

		required = {"DaemonSet": "apps/v1", "Pod": "v1", "PersistentVolume": "v1", "PersistentVolumeClaim": "v1"}
		agent, sidecar = load("kubernetes-node-agent"), load("kubernetes-sidecar")
		for document in agent + sidecar:
		    assert required[document["kind"]] == document["apiVersion"] and document["metadata"]["name"] and document["spec"]
		by_kind = {d["kind"]: d for d in agent}
		assert set(by_kind) == set(required)

		spec = by_kind["DaemonSet"]["spec"]
		labels = spec["template"]["metadata"]["labels"]
		assert spec["selector"]["matchLabels"].items() <= labels.items()
		check_pod(spec["template"]["spec"])
		(disk,) = spec["template"]["spec"]["containers"]
		assert disk["securityContext"]["privileged"] is True
		paths = {v["hostPath"]["path"] for v in spec["template"]["spec"]["volumes"]}
		assert "/dev" in paths

		volume, claim = by_kind["PersistentVolume"]["spec"], by_kind["PersistentVolumeClaim"]["spec"]
		number = disk["args"][-1].split("=")[1]
		assert volume["local"]["path"] == f"/dev/ublkb{number}" and disk["readinessProbe"]["exec"]["command"][-1] == number
		assert volume["volumeMode"] == claim["volumeMode"] == "Block"
		assert volume["storageClassName"] == claim["storageClassName"] and volume["accessModes"] == claim["accessModes"]
		assert claim["volumeName"] == by_kind["PersistentVolume"]["metadata"]["name"]
		assert volume["nodeAffinity"]["required"]["nodeSelectorTerms"] and volume["capacity"]["storage"]
		assert claim["resources"]["requests"]["storage"] == volume["capacity"]["storage"]
		user = by_kind["Pod"]["spec"]
		check_pod(user)
		assert "securityContext" not in user["containers"][0]
		assert user["volumes"][0]["persistentVolumeClaim"]["claimName"] == by_kind["PersistentVolumeClaim"]["metadata"]["name"]

		(pod,) = sidecar
		check_pod(pod["spec"])
		(disk,), (app,) = pod["spec"]["initContainers"], pod["spec"]["containers"]
		assert disk["restartPolicy"] == "Always" and disk["securityContext"]["privileged"] is True
		assert disk["startupProbe"]["exec"]["command"][-1] in disk["args"][0] and "securityContext" not in app
		assert disk["volumeMounts"][0]["mountPropagation"] == "Bidirectional"
		assert app["volumeMounts"][0]["mountPropagation"] == "HostToContainer"
	END
}

cdi() {
	python3 - <<-'END'
		import json, re
		spec = json.load(open("examples/cdi.json"))
		assert re.fullmatch(r"0\.\d+\.0|1\.\d+\.0", spec["cdiVersion"])
		vendor, name = spec["kind"].split("/")
		assert all(re.fullmatch(r"[a-zA-Z][a-zA-Z0-9._-]*[a-zA-Z0-9]", word) for word in (vendor, name))
		for device in spec["devices"]:
		    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._:-]*", device["name"])
		    for node in device["containerEdits"]["deviceNodes"]:
		        assert node["path"].startswith("/dev/") and set(node["permissions"]) <= set("rwm")
	END
}

# The README's expression, on the profile that podman installs
profile() {
	set -- "$(sed -n "s/^ *sed '\(s.*SCMP_ACT_ALLOW.*\)' .*/\1/p" README.md)"
	test -n "$1"
	grep -qF "$1" examples/compose.yaml
	sed "$1" /usr/share/containers/seccomp.json | python3 -c '
import json, sys
allowed = {name for rule in json.load(sys.stdin)["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" and not rule.get("args")
           for name in rule["names"]}
assert {"io_uring_setup", "io_uring_enter", "io_uring_register"} <= allowed'
}

claim "compose.yaml has what the two containers need" compose
claim "the files for Kubernetes have the fields they need, and their names lead somewhere" kubernetes
claim "cdi.json names its devices as the specification wants" cdi
if test -e /usr/share/containers/seccomp.json; then
	claim "the README's line adds io_uring to podman's profile" profile
else
	echo "# SKIP there is no profile of podman's"
fi
claims_end
