#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# seeds_inflate.py DIR - streams of every kind of block, behind the four bytes that fuzz_inflate.c begins with
import pathlib
import random
import sys
import zlib

PLAIN = 6000  # bytes of each


def plains():
    chance = random.Random(1)
    words = [bytes(chance.choices(range(97, 123), k=chance.randint(1, 9))) for _ in range(50)]
    yield b" ".join(chance.choices(words, k=PLAIN // 6))
    yield bytes(chance.choices(range(256), k=PLAIN // 10))
    yield bytes(60000)
    yield b"".join(bytes([chance.randrange(4)]) * chance.randint(1, 300) for _ in range(PLAIN // 100))


def deflated(plain, level, strategy, flush):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
    half = len(plain) // 2
    return packer.compress(plain[:half]) + packer.flush(flush) + packer.compress(plain[half:]) + packer.flush()


def main():
    number = 0
    for plain in plains():
        for level in (0, 1, 9):
            for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED):
                for flush in (zlib.Z_NO_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH):
                    seed = bytes([number % 4, 0, 0, 0]) + deflated(plain, level, strategy, flush)
                    if len(seed) <= 2000:
                        pathlib.Path(sys.argv[1], "%03d" % number).write_bytes(seed)
                        number += 1


main()
