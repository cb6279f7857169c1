#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seeds_proc.py DIR - what files of /proc and /sys look like, as fuzz_proc.c wants them"""
import pathlib
import sys

TEXTS = [
    "proc /proc proc rw 0 0\n/dev/ublkb3 /mnt/a\\040b ext4 rw 0 0\n",
    "/dev/ublkb3p1 /mnt xfs rw 0 0\n", "devtmpfs /dev devtmpfs rw 0 0\n",
    "Name:\tublk-mem\nCapEff:\t000001ffffffffff\nSeccomp:\t0\n",
    "pos:\t0\nflags:\t02100002\nmnt_id:\t9\n", "259:7\n", "64\n",
    "Character devices:\n  1 mem\n240 ublk-char\n\nBlock devices:\n259 blkext\n",
    "7f00-7f01 r--s 00000000 00:05 12   /dev/ublkc3\n", "x" * 5000 + "\n/dev/ublkb3 /m t\n",
]

for number, text in enumerate(TEXTS):
    for piece in (0, 1, 7):
        (pathlib.Path(sys.argv[1]) / f"{number}-{piece}").write_bytes(bytes([piece]) + text.encode())
