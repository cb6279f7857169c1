#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seeds_options.py DIR - every option of every disk, alone and with values of all kinds, as fuzz_options.c wants them"""
import pathlib
import re
import sys

VALUES = ["", "0", "1", "4K", "16M", "50%", "0-3", "auto", "off", "on", "a.b", "-1", "4096"]
SOURCES = ["core/spec.c", "applets/mem/mem.c", "applets/null.c", "applets/file/file.c", "applets/zip/zip.c"]

out = pathlib.Path(sys.argv[1])
text = "".join(pathlib.Path(source).read_text() for source in SOURCES)
names = sorted(set(re.findall(r'OPT_[A-Z0-9_]+\([^,]*, "([a-z-]+)"', text)))
for disk in range(4):
    for i, name in enumerate(names + ["help", "version"]):
        words = [f"--{name}={VALUES[(i + disk) % len(VALUES)]}", f"--{name}", VALUES[(i * 5) % len(VALUES)], "--", "true"]
        (out / f"{disk}-{name}").write_bytes(bytes([disk]) + "\n".join(words).encode())
