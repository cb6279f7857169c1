#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seeds_reports.py DIR - what an honest server says, as fuzz_reports.c wants it"""
import pathlib
import struct
import sys

for kind in range(8):
    report = struct.pack("<Ii", kind, 0) + struct.pack("<QIIIII", 1 << 30, 512, 4096, 4096, 0, 0) + bytes(8)
    (pathlib.Path(sys.argv[1]) / str(kind)).write_bytes(bytes([len(report)]) + report + b"\xff" + report)
