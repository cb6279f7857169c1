#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seeds_index.py DIR - indexes of both kinds that are right in the main, as fuzz_index.c wants them"""
import pathlib
import struct
import sys

out = pathlib.Path(sys.argv[1])
for width in (4, 8):
    for chunks in (1, 2, 9):
        head = struct.pack("<IIIIQQ", 1, 0, 1024, width, 1024 * chunks, 300 * chunks)
        offsets = b"".join((300 * i).to_bytes(width, "little") for i in range(1, chunks))
        (out / f"theirs-{width}-{chunks}").write_bytes(b"\0" + head + offsets)
for count in (1, 2, 5):
    records = b"".join(struct.pack("<QQQQII", i * 1024, i * 900, i * 900, 0, 0, 0) + bytes(8) for i in range(count))
    (out / f"ours-{count}").write_bytes(bytes([1, 80, 5, 0, count - 1]) + records)
