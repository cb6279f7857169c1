# SPDX-License-Identifier: MIT
"""reference - figures that are committed, and what has become worse since

Only our own disks, and each row as a ratio to the kernel's null_blk, or else brd, in the same run: that depends neither
on the host nor on how many instructions fio takes on it.
"""

import json
import os

import figures

TOLERANCE = 0.03


def path_of(kernel):
    return os.path.join(os.path.dirname(__file__), "reference", kernel + ".json")


def unsteady():
    """Rows that do not repeat well enough: those with a ~ in the file "rows" """
    with open(os.path.join(os.path.dirname(__file__), "rows"), encoding="utf-8") as file:
        return [line.split()[0] for line in file if not line.startswith("#") and line.split()[1].endswith("~")]


def ratios(run):
    """{column: {row: ratio}}"""
    out = {}
    for column in run["columns"]:
        for row in figures.row_names(run):
            base = figures.row_of(run, "null_blk", row) or figures.row_of(run, "brd", row)
            ours = figures.row_of(run, column, row)
            if column.startswith("ublk-") and "iops" in base and "iops" in ours:
                out.setdefault(column, {})[row] = round(ours["iops"] / base["iops"], 4)
    return out


def renew(run):
    os.makedirs(os.path.dirname(path_of(run["kernel"])), exist_ok=True)
    with open(path_of(run["kernel"]), "w", encoding="utf-8") as file:
        json.dump({"SPDX-License-Identifier": "MIT", "release": run["release"], "ratios": ratios(run)}, file, indent=1)
        file.write("\n")
    return f"these figures are now {os.path.relpath(path_of(run['kernel']))}; commit it\n"


def read(kernel):
    with open(path_of(kernel), encoding="utf-8") as file:
        return json.load(file)


def is_missing(run, column, row):
    """Whether it was to be measured and could not be"""
    notes = run["columns"].get(column, {"notes": []})["notes"]
    return any(note.startswith(("LEFT OUT", f"row {row} failed")) for note in notes)


def compare(run, then):
    """(number of rows compared, what is worse, in words)"""
    now, skipped, compared, worse = ratios(run), unsteady(), 0, []
    for column, row, old in ((column, row, old) for column, rows in then.items() for row, old in rows.items()):
        new = now.get(column, {}).get(row)
        if row in skipped:
            continue
        if new is None:
            worse += [f"MISSING: {column} {row}\n"] if is_missing(run, column, row) else []
            continue
        compared += 1
        if new < old * (1 - TOLERANCE):
            change = 100 * (new / old - 1)
            worse.append(f"WORSE: {column} {row} is {new:.4f} of null_blk, was {old:.4f} ({change:+.1f} %)\n")
    return compared, worse


def check(run):
    """(what is worse, in words; whether nothing is)"""
    path = os.path.relpath(path_of(run["kernel"]))
    if not os.path.exists(path):
        remedy = f"make bench-reference KERNEL={run['kernel']} makes it"
        return f"bench: there is no {path} to compare with; {remedy}\n", False
    then = read(run["kernel"])
    compared, worse = compare(run, then["ratios"])
    words = "".join(worse)
    if then["release"] != run["release"]:
        words += f"NOTE: {path} was made on {then['release']}\n"
    return words + f"{compared} rows compared with {path}, {len(worse)} are worse\n", compared > 0 and not worse
