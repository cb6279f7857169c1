#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seccomp.py MACHINE PROFILE DIR - write what runtimes are given for docker's and podman's profiles

Each with and without io_uring. Engines keep a profile with conditions ("includes": {"caps": ...}) and resolve them for
each container. We do the same, for their default capabilities. Docker's list is podman's for our purposes; what differs
is the error of what is not in it.
"""
import json
import pathlib
import sys

HELD = {"CAP_SYS_CHROOT", "CAP_AUDIT_WRITE", "CAP_MKNOD"}
ARCHES = {"amd64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "arm64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
          "riscv64": ["SCMP_ARCH_RISCV64"]}
EPERM, ENOSYS = 1, 38
IO_URING = ["io_uring_setup", "io_uring_enter", "io_uring_register"]


def applies(rule, machine):
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    if not set(includes.get("caps", [])) <= HELD or set(excludes.get("caps", [])) & HELD:
        return False
    arches = includes.get("arches")
    return not arches or machine in arches


def resolve(profile, machine, errno, more):
    rules = [{key: rule[key] for key in ("names", "action", "args", "errnoRet") if rule.get(key)}
             for rule in profile["syscalls"] if applies(rule, machine)]
    if more:
        rules.append({"names": more, "action": "SCMP_ACT_ALLOW"})
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": errno,
            "architectures": ARCHES[machine], "syscalls": rules}


def main():
    machine, source, directory = sys.argv[1:]
    profile = json.loads(pathlib.Path(source).read_text())
    for name, errno in (("docker", EPERM), ("podman", ENOSYS)):
        for suffix, more in (("", None), ("+io_uring", IO_URING)):
            target = pathlib.Path(directory, name + suffix + ".json")
            target.write_text(json.dumps(resolve(profile, machine, errno, more)))


main()
