#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py DIR PROGRAM... - run the programs, and tell how much of each source has been gone through

A source is compiled many times, into the archive and into tests that have it in them: a line counts as gone through if it
was in any, and a branch if it was taken in any. What must() does when it does not hold is no branch: it cannot be taken.
DIR holds the objects and what they counted.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys


def run(program, out):
    counted = out / (pathlib.Path(program).name + ".counted")
    counted.unlink(missing_ok=True)
    env = dict(os.environ, TMPDIR="/tmp", COUNTED=str(counted.resolve()))
    try:
        with open(out / (pathlib.Path(program).name + ".log"), "wb") as log:
            done = subprocess.run([program], env=env, stdout=log, stderr=log, timeout=900, check=False)
    except subprocess.TimeoutExpired:
        return "does not end"
    return done.returncode and f"ended with {done.returncode}"


def counts(objects):
    """What gcov says of each object: a list of files with lines with branches."""
    for i in range(0, len(objects), 20):
        told = subprocess.run(["gcov", "--branch-probabilities", "--json-format", "--stdout"] + objects[i:i + 20],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        for line in told.splitlines():
            if line:
                yield from json.loads(line)["files"]


def merge(objects):
    lines = collections.defaultdict(dict)
    for file in counts(objects):
        name = os.path.relpath(file["file"])
        if not name.startswith(("core/", "applets/")) or not name.endswith(".c"):
            continue
        seen = lines[name]
        source = pathlib.Path(name).read_text().splitlines()
        for line in file["lines"]:
            checks = "must(" in source[line["line_number"] - 1]
            branches = [] if checks else [b["count"] > 0 for b in line["branches"]]
            had = seen.setdefault(line["line_number"], [False, branches])
            had[0] |= line["count"] > 0
            if len(had[1]) == len(branches):
                had[1] = [a or b for a, b in zip(had[1], branches)]
            elif len(had[1]) < len(branches):
                had[1] = branches
    return lines


def percent(part, whole):
    return f"{100 * part / whole:5.1f}" if whole else "    -"


def main():
    out, programs = pathlib.Path(sys.argv[1]), sys.argv[2:]
    for old in out.rglob("*.gcda"):
        old.unlink()
    failed = 0
    for program in programs:
        wrong = run(program, out)
        if wrong:
            failed += 1
            print(f"{program}: {wrong}")
    lines = merge([str(path) for path in out.rglob("*.gcda")])
    total = [0, 0, 0, 0]
    rows = []
    for name, seen in sorted(lines.items()):
        branches = [b for _, on in seen.values() for b in on]
        row = [sum(hit for hit, _ in seen.values()), len(seen), sum(branches), len(branches)]
        total = [a + b for a, b in zip(total, row)]
        rows.append((name, row))
        missed = [str(n) for n, (hit, on) in sorted(seen.items()) if not hit or not all(on)]
        (out / (name.replace("/", "-") + ".missed")).write_text(" ".join(missed) + "\n")
    print(f"{'':34} lines          branches taken")
    for name, row in rows + [("all", total)]:
        print(f"{name:32} {percent(row[0], row[1])} % of {row[1]:5} {percent(row[2], row[3])} % of {row[3]:5}")
    sys.exit(failed > 0)


main()
