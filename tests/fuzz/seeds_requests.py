#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seeds_requests.py DIR - a request of each kind in each mode, as fuzz_requests.c wants them"""
import pathlib
import struct
import sys

for mode in range(3):
    for op in range(8):
        for flags in (0, 1 << 13, 1 << 19):
            request = b"".join(bytes([tag]) + struct.pack("<IIQQ", op | flags, 8 << tag, 64 * tag, 4096) for tag in range(4))
            (pathlib.Path(sys.argv[1]) / f"{mode}-{op}-{flags}").write_bytes(bytes([mode]) + request)
