#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hostile.py - archives that mean harm, and the memory that they make ublk-zip take

Each is served by tests/unit/programs/dump.c, natively, with random reads, and
must be refused or served within its time, and in no more memory than

    8 MiB + 80 bytes a node + names + --index-memory + --cache-memory + 1 MiB a worker

and the 2 MiB of the program that asks. First come those that are made with
care, then real archives with a few bytes changed: a fixed number of them, or
more of all until --seconds have passed.
"""
import argparse
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time
import zlib

MIB = 1 << 20
WORKERS = 2
MUTANTS = 150  # in the brief run
TIME = 120  # seconds that one may take, and hardly any does
READS = 150


# --- writing archives ---------------------------------------------------------------------


class Zip:
    """An archive, a member at a time; whatever is said of a member is written as it is said."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.records = []
        self.nodes, self.names = 1, 0

    def header(self, name, packed, size, crc, method):
        flags = 0 if name.isascii() else 0x800
        return struct.pack("<4sHHHHHLLLHH", b"PK\3\4", 45, flags, method, 0, 0x5221, crc, min(packed, 0xFFFFFFFF),
                           min(size, 0xFFFFFFFF), len(name), 0) + name

    def record(self, name, packed, size, crc, method, offset):
        wide = struct.pack("<HHQQQ", 1, 24, size, packed, offset) if max(size, packed, offset) >= 0xFFFFFFFF else b""
        sizes = (0xFFFFFFFF,) * 3 if wide else (packed, size, offset)
        flags = 0 if name.isascii() else 0x800
        self.records.append(struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\1\2", 45, 45, flags, method, 0, 0x5221, crc, sizes[0],
                                        sizes[1], len(name), len(wide), 0, 0, 0, 0, sizes[2]) + name + wide)
        self.nodes += 1 + name.count(b"/")
        self.names += len(name)

    def add(self, name, data=b"", size=None, crc=None, method=0, packed=None, skip=0):
        """skip: bytes of data that are left out, as a hole"""
        size = len(data) if size is None else size
        crc = zlib.crc32(data) if crc is None else crc
        packed = len(data) + skip if packed is None else packed
        self.record(name, packed, size, crc, method, self.file.tell())
        self.file.write(self.header(name, packed, size, crc, method) + data)
        self.file.seek(skip, os.SEEK_CUR)

    def add_behind_hole(self, name, data, hole, crc):
        """Stored; before the data come as many zeros as the hole is long"""
        self.record(name, hole + len(data), hole + len(data), crc, 0, self.file.tell())
        self.file.write(self.header(name, hole + len(data), hole + len(data), crc, 0))
        self.file.seek(hole, os.SEEK_CUR)
        self.file.write(data)

    def close(self, entries=None):
        at, directory = self.file.tell(), b"".join(self.records)
        count = len(self.records) if entries is None else entries
        self.file.write(directory)
        end = self.file.tell()
        self.file.write(struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), at))
        self.file.write(struct.pack("<4sLQL", b"PK\6\7", 0, end, 1))
        self.file.write(struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
        self.file.close()
        return self.nodes, self.names


def deflate(data, level=9):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def crc_of_zeros(size):
    crc, zeros = 0, bytes(MIB)
    for start in range(0, size, MIB):
        crc = zlib.crc32(zeros[: size - start], crc)
    return crc


# --- those that are made with care: each writes an archive, and says how many nodes and bytes of names it has ---------


def one_block(path):
    """1 GiB of zeros in a single block: no place to begin at but inside it"""
    # a zero and a copy of 258, 24 bits with the header; then eight copies in 13 bytes; the end, 7 bits of 0
    bits = "110" + "00110000" + "11000101" + "00000"
    eight = ("11000101" + "00000") * 8
    pack = lambda text: bytes(int(text[i : i + 8][::-1], 2) for i in range(0, len(text), 8))
    count = (1 << 30) // (258 * 8)
    data, size = pack(bits) + pack(eight) * count + b"\0", 1 + 258 + 258 * 8 * count
    z = Zip(path)
    z.add(b"zeros", data, size, crc_of_zeros(size), 8)
    return z.close()


def no_windows_to_pack(path):
    """512 MiB that deflate well, but whose windows do not"""
    noise = random.Random(1).randbytes(32000)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data, crc = [], 0
    for _ in range(512 * MIB // len(noise)):
        data.append(packer.compress(noise))
        crc = zlib.crc32(noise, crc)
    data = b"".join(data) + packer.flush()
    z = Zip(path)
    z.add(b"noise", data, len(noise) * (512 * MIB // len(noise)), crc, 8)
    return z.close()


def nothing_in_many_blocks(path):
    """64 MiB of empty blocks around a byte"""
    z = Zip(path)
    empty = b"\0\0\0\xff\xff" * (64 * MIB // 10)
    for name in (b"small", b"large"):
        size = 1 if name == b"small" else 5 * MIB
        z.add(name, empty + b"\0\1\0\xfe\xffx" + empty + deflate(bytes(size - 1)), size, zlib.crc32(b"x" + bytes(size - 1)), 8)
    return z.close()


def many_headers(path):
    """blocks of 400 bytes, each with a header that describes codes"""
    chance = random.Random(2)
    plain = bytes(chance.choices(range(256), [i * i for i in range(256)], k=400))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 8, zlib.Z_HUFFMAN_ONLY)
    block = packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)
    z = Zip(path)
    z.add(b"headers", block * 50000 + deflate(b""), 400 * 50000, zlib.crc32(plain * 50000), 8)
    return z.close()


def many_large(path):
    """more ways through members than there is memory for"""
    noise = random.Random(4).randbytes(32000)
    plain = noise * 131
    data, crc = deflate(plain), zlib.crc32(plain)
    z = Zip(path)
    for i in range(100):
        z.add(b"%d" % i, data, len(plain), crc, 8)
    return z.close()


def sixteen_terabytes(path):
    """15 TiB that are claimed of 16 GiB, which are a hole"""
    z = Zip(path)
    z.add(b"hole", b"", 15 << 40, 0, 8, skip=16 << 30)
    return z.close()


def too_many_terabytes(path):
    z = Zip(path)
    for i in range(64):
        z.add(b"hole%d" % i, b"", 15 << 40, 0, 8, skip=16 << 30)
    return z.close()


def stored_claims(path):
    z = Zip(path)
    z.add(b"stored", b"x", 16 << 40, 0, 0, packed=16 << 40)
    return z.close()


def overlap_bomb(path):
    """65535 members, each of which unpacks to the headers of those behind it and to what they all end with"""
    z = Zip(path)
    names = [b"%05x" % i for i in range(65535)]
    plain = bytes(MIB)
    data, packed, tail = deflate(plain), [], []
    length, size = len(data), len(plain)
    for name in reversed(names):
        crc = zlib.crc32(plain) if plain is not None else 0
        packed.append((name, length, size, crc))
        header = z.header(name, length, size, crc, 8)
        tail.append(header)
        tail.append(b"\0" + struct.pack("<HH", len(header), len(header) ^ 0xFFFF))
        length, size = length + 5 + len(header), size + len(header)
        plain = header + plain if plain is not None and len(tail) < 64 else None
    tail.pop()
    offset = 0
    for (name, length, size, crc), header in zip(reversed(packed), reversed(tail[::2])):
        z.record(name, length, size, crc, 8, offset)
        offset += len(header) + 5
    z.file.write(b"".join(reversed(tail)) + data)
    return z.close()


def one_header_many_names(path):
    z = Zip(path)
    data = deflate(bytes(64 * MIB), 9)
    z.add(b"d/00000", data, 64 * MIB, crc_of_zeros(64 * MIB), 8)
    for i in range(1, 60000):
        z.record(b"d/%05d" % i, len(data), 64 * MIB, 0, 8, 0)
    return z.close()


def nested(path):
    """an archive of archives of archives, as a quine would be: nobody unpacks what nobody reads"""
    inner = bytes(64 * MIB)
    for level in range(5):
        z = Zip(path)
        data = deflate(inner, 6)
        for i in range(16):
            z.add(b"level%d/%x.zip" % (level, i), data, len(inner), zlib.crc32(inner), 8)
        counted = z.close()
        inner = pathlib.Path(path).read_bytes()
    return counted


def deep(path):
    """each entry makes 500 directories; those that are deeper are refused"""
    z = Zip(path)
    for i in range(400):
        z.add(b"%d/" % i + b"d/" * 500 + b"f", b"x")
    return z.close()


def too_deep(path):
    z = Zip(path)
    for i in range(1000):
        z.add(b"%d/" % i + b"d/" * 2000 + b"f", b"x")
    return z.close()


def long_names(path):
    z = Zip(path)
    for i in range(3000):
        z.add(b"/".join((b"%d" % i * 255)[:255] for _ in range(15)), b"x")
    return z.close()


def names_too_long(path):
    z = Zip(path)
    for i in range(300):
        z.add(b"n" * 65000 + b"%d" % i, b"x")
    return z.close()


def many_tiny(path):
    z = Zip(path)
    for i in range(200000):
        z.add(b"%d/%d" % (i % 97, i), b"%d" % i)
    return z.close()


def all_clash(path):
    """each name is a file and a directory"""
    z = Zip(path)
    for i in range(50000):
        z.add(b"%d" % (i // 2) + (b"/x" if i % 2 else b""), b"x")
    return z.close()


def many_claimed(path):
    z = Zip(path)
    z.add(b"one", b"x")
    return z.close(entries=(1 << 63) - 1)


def noise_as_data(path):
    z = Zip(path)
    chance = random.Random(3)
    for i in range(200):
        data = chance.randbytes(50000)
        z.add(b"%d" % i, data, len(data) * chance.choice((1, 30, 1000)), 0, 8)
    return z.close()


MADE = [
    (one_block, []),
    (no_windows_to_pack, ["--index-memory=64M", "--cache-memory=32M"]),
    (nothing_in_many_blocks, []),
    (many_headers, []),
    (many_large, []),
    (sixteen_terabytes, []),
    (too_many_terabytes, []),
    (stored_claims, []),
    (stored_claims, ["--unsupported=eio", "--bad-names=skip"]),
    (overlap_bomb, []),
    (overlap_bomb, ["--overlap=allow"]),
    (one_header_many_names, []),
    (nested, []),
    (deep, []),
    (too_deep, []),
    (too_deep, ["--bad-names=skip"]),
    (long_names, []),
    (names_too_long, []),
    (names_too_long, ["--bad-names=skip"]),
    (many_tiny, []),
    (all_clash, []),
    (all_clash, ["--bad-names=skip"]),
    (many_claimed, []),
    (noise_as_data, []),
]

LENIENT = ["--unsupported=eio", "--bad-names=skip", "--overlap=allow", "--owner=archive", "--preserve-special"]


# --- mutants of a real one -------------------------------------------------------------------


def real(path):
    """The sources of this program, some of them together in one large member"""
    sources = sorted(pathlib.Path().glob("core/*.[ch]")) + sorted(pathlib.Path().glob("applets/**/*.[ch8]"))
    z, all_of_it = Zip(path), b""
    for i, source in enumerate(sources):
        data = source.read_bytes()
        all_of_it += data
        packed = deflate(data) if i % 4 else data
        z.add(str(source).encode(), packed, len(data), zlib.crc32(data), 8 if i % 4 else 0)
    all_of_it *= 8
    z.add(b"all", deflate(all_of_it), len(all_of_it), zlib.crc32(all_of_it), 8)
    return z.close()


def mutate(data, chance):
    data = bytearray(data)
    directory = data.index(b"PK\1\2")
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        at = chance.randrange(directory, len(data)) if chance.random() < 0.7 else chance.randrange(len(data))
        how = chance.randrange(6)
        if how == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            data[at : at + 4] = b"\xff" * len(data[at : at + 4])
        elif how == 2:
            data[at : at + 2] = struct.pack("<H", chance.randrange(65536))[: len(data[at : at + 2])]
        elif how == 3:
            data[at : at + 8] = struct.pack("<Q", 1 << chance.randrange(64))[: len(data[at : at + 8])]
        elif how == 4:
            other = chance.randrange(len(data))
            length = chance.randrange(1, 200)
            data[at : at + length] = data[other : other + length]
        else:
            del data[at : at + chance.randrange(1, 50)]
    return bytes(data)


# --- serving them -----------------------------------------------------------------------------


class Trial:
    def __init__(self, dump):
        self.dump = dump
        self.count, self.served, self.failed = 0, 0, 0
        self.closest, self.closest_name, self.most = 0.0, "", 0
        self.last = ""  # what became of the one that was served last

    def complain(self, name, why, said):
        self.failed += 1
        print("hostile: %s: %s\n%s" % (name, why, said[-2000:]))

    def serve(self, name, path, options, nodes, names):
        memory = [int(o.split("=")[1][:-1]) for o in options if o.startswith(("--index-memory", "--cache-memory"))]
        if not memory:
            memory = [4, 8]
            options = options + ["--index-memory=4M", "--cache-memory=8M"]
        allowed = (8 + sum(memory) + WORKERS + 2) * MIB + 80 * nodes + names
        self.count += 1
        command = [self.dump, "--touch", str(READS), "zip", path, "--workers=%d" % WORKERS, "--max-entries=1000000"] + options
        try:
            ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIME, check=False)
        except subprocess.TimeoutExpired:
            self.complain(name, "it takes more than %d seconds" % TIME, "")
            return
        said = ran.stderr.decode(errors="replace")
        if ran.returncode not in (0, 1, 4) or not ran.stdout:
            self.complain(name, "exit status %d" % ran.returncode, said)
            return
        if ran.returncode and "dump: " not in said:
            self.complain(name, "it is refused without a reason", said)
        peak = int(ran.stdout) * 1024
        self.served += ran.returncode == 0
        self.last = "%6.1f of %6.1f MiB  %s" % (peak / MIB, allowed / MIB,
                                              said.split("\n", 1)[0][:90] if ran.returncode else "served")
        self.most = max(self.most, peak)
        if peak / allowed > self.closest:
            self.closest, self.closest_name = peak / allowed, "%s: %.1f of %.1f MiB" % (name, peak / MIB, allowed / MIB)
        if peak > allowed:
            self.complain(name, "%.1f MiB, where %.1f are allowed" % (peak / MIB, allowed / MIB), said)


def serve_made(trial, work, verbose):
    for make, options in MADE:
        path = os.path.join(work, make.__name__)
        counted = make(path)
        name = " ".join([make.__name__] + options)
        trial.serve(name, path, options, *counted)
        if verbose:
            print("%-60s %s" % (name[:60], trial.last), flush=True)
        os.remove(path)


def serve_mutants(trial, work, first, count):
    path = os.path.join(work, "real")
    nodes, names = real(path)
    data = pathlib.Path(path).read_bytes()
    for number in range(first, first + count):
        chance = random.Random(number)
        mutant = os.path.join(work, "mutant")
        pathlib.Path(mutant).write_bytes(mutate(data, chance))
        trial.serve("mutant %d" % number, mutant, LENIENT if number % 2 else [], nodes * 2, names * 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dump", required=True)
    parser.add_argument("--results", required=True)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    asked = parser.parse_args()
    trial, began, mutants = Trial(asked.dump), time.monotonic(), 0
    with tempfile.TemporaryDirectory() as work:
        while not mutants or time.monotonic() - began < asked.seconds:
            serve_made(trial, work, asked.verbose)
            serve_mutants(trial, work, mutants, MUTANTS)
            mutants += MUTANTS
    verdict = "fail" if trial.failed else "pass"
    with open(asked.results, "w") as results:
        print("%s\thostile: archives that mean harm are refused, or served in bounded memory" % verdict, file=results)
    print("hostile: %d archives, %d of them served, %d failed, %d s; at most %.1f MiB; nearest to its limit %s" % (
        trial.count, trial.served, trial.failed, time.monotonic() - began, trial.most / MIB, trial.closest_name))
    return trial.failed > 0


if __name__ == "__main__":
    sys.exit(main())
