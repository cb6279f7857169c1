#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seccomp.py PROFILE DIR - write what runtimes are given for docker's and podman's profiles, with and without io_uring

Engines keep a profile with conditions ("includes": {"caps": ...}) and resolve them for each container. We do the same,
for their default capabilities. Docker's list is podman's for our purposes; what differs is the error of what is not in it.
"""
import json
import pathlib
import sys

HELD = {"CAP_SYS_CHROOT", "CAP_AUDIT_WRITE", "CAP_MKNOD"}
ARCHES = {"amd64"}
EPERM, ENOSYS = 1, 38
IO_URING = ["io_uring_setup", "io_uring_enter", "io_uring_register"]


def applies(rule):
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    if not set(includes.get("caps", [])) <= HELD or set(excludes.get("caps", [])) & HELD:
        return False
    arches = includes.get("arches")
    return not arches or bool(ARCHES & set(arches))


def resolve(profile, errno, more):
    rules = [{key: rule[key] for key in ("names", "action", "args", "errnoRet") if rule.get(key)}
             for rule in profile["syscalls"] if applies(rule)]
    if more:
        rules.append({"names": more, "action": "SCMP_ACT_ALLOW"})
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": errno,
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": rules}


def main():
    profile = json.loads(pathlib.Path(sys.argv[1]).read_text())
    for name, errno in (("docker", EPERM), ("podman", ENOSYS)):
        for suffix, more in (("", None), ("+io_uring", IO_URING)):
            target = pathlib.Path(sys.argv[2], name + suffix + ".json")
            target.write_text(json.dumps(resolve(profile, errno, more)))


main()
