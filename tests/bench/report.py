# SPDX-License-Identifier: MIT
"""report.py KERNEL OUT METHOD [--check] [--renew] - read what the machines write, keep it in OUT.*, print it

OUT.raw is what was read, OUT.json the figures, OUT.txt the tables and OUT.svg a picture of them.
"""

import json
import sys

import figures
import plot
import reference
import tables
import targets


def say(words):
    print(words, file=sys.stderr, flush=True)


def write(name, words):
    with open(name, "w", encoding="utf-8") as file:
        file.write(words)


def main():
    kernel, out, method, *options = sys.argv[1:]
    with open(out + ".raw", "w", encoding="utf-8") as raw:
        run = figures.read(sys.stdin, figures.new_run(kernel, method), raw, say)
    words = tables.text(run) + "\n" + targets.text(run)
    write(out + ".json", json.dumps(run, indent=1) + "\n")
    write(out + ".txt", words)
    write(out + ".svg", plot.svg(run))
    print(words)
    passed = not run["failures"]
    if "--renew" in options:
        print(reference.renew(run) if passed else "bench: the reference stays as it was, because something failed\n")
    if "--check" in options:
        words, unchanged = reference.check(run)
        print(words)
        passed = passed and unchanged
    sys.exit(not passed)


main()
