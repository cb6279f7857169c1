#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py DIR PROGRAM... - run the programs, and tell how much of each source has been gone through

A source is compiled many times, into the archive and into tests that have it in them: a line counts as gone through if it
was in any, and a branch if it was taken in any. A source that no test links with counts as well, with nothing gone through.
What must() does when it does not hold is no branch: it cannot be taken. DIR holds the objects and what they counted.

The file "unreached" beside this one has a line for each that no test goes through, with the reason: it counts as gone through.
Sources in WHOLE must be gone through in all their branches, or this fails, as it does for a line in "unreached" that is not
in its source, or is gone through after all.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys


WHOLE = """core/histogram.c core/params.c core/pool.c core/size.c core/status.c core/step.c core/turn.c
core/util.c applets/zip/checksum.c applets/zip/meta.c applets/zip/sort.c""".split()


def excuses():
    """(source, text of its line): reason"""
    found = {}
    for line in (pathlib.Path(__file__).parent / "unreached").read_text().splitlines():
        if line and not line.startswith("#"):
            source, text, reason = line.split(" | ")
            found[(source, text)] = reason
    return found


def excuse(lines):
    """Takes what is excused for gone through; returns what is wrong with the excuses."""
    wrong = []
    for source, text in excuses():
        code = pathlib.Path(source).read_text().splitlines()
        meant = [seen for n, seen in lines[source].items() if code[n - 1].strip() == text]
        if not meant:
            wrong.append(f"unreached: {source} has no line '{text}'")
        elif all(hit and all(on) for hit, on in meant):
            wrong.append(f"unreached: '{text}' of {source} is gone through")
        for seen in meant:
            seen[0], seen[1] = True, [True] * len(seen[1])
    return wrong


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
    lines = merge([str(path) for path in out.rglob("*.gcno")])
    wrong = excuse(lines)
    total = [0, 0, 0, 0]
    rows = []
    for name, seen in sorted(lines.items()):
        branches = [b for _, on in seen.values() for b in on]
        row = [sum(hit for hit, _ in seen.values()), len(seen), sum(branches), len(branches)]
        total = [a + b for a, b in zip(total, row)]
        rows.append((name, row))
        if name in WHOLE and row[2] < row[3]:
            wrong.append(f"{name} is not gone through as a whole any more")
        missed = [str(n) for n, (hit, on) in sorted(seen.items()) if not hit or not all(on)]
        (out / (name.replace("/", "-") + ".missed")).write_text(" ".join(missed) + "\n")
    print(f"{'':34} lines          branches taken")
    for name, row in rows + [("all", total)]:
        print(f"{name:32} {percent(row[0], row[1])} % of {row[1]:5} {percent(row[2], row[3])} % of {row[3]:5}")
    print(*wrong, sep="\n", end="\n" if wrong else "")
    sys.exit(failed > 0 or len(wrong) > 0)


main()
