# SPDX-License-Identifier: MIT
"""figures - what the machines wrote, as data

A run is {kernel, release, method, versions: [], failures: [],
columns: {NAME: {facts: {}, rows: {NAME: {}}, notes: []}}}.
"""

import json


def new_run(kernel, method):
    return {"kernel": kernel, "release": kernel, "method": method, "versions": [], "failures": [], "columns": {}}


def column_of(run, name):
    return run["columns"].setdefault(name, {"facts": {}, "rows": {}, "notes": []})


def row_of(run, column, row):
    """The figures of a row, or nothing"""
    return run["columns"].get(column, {"rows": {}})["rows"].get(row, {})


def row_names(run):
    names = []
    for column in run["columns"].values():
        names += [name for name in column["rows"] if name not in names]
    return names


def block_size(row):
    return 1 << 20 if "1m" in row else 128 << 10 if "128k" in row else 4 << 10


def machine_of(row):
    """How many processors it has: rows whose name begins with Ncpu- say so"""
    return int(row[0]) if row[1:5] == "cpu-" else 1


def from_fio(text):
    """What all rows have in common, of fio's JSON; nothing when it failed"""
    try:
        job = json.loads(text[text.find("{"):])["jobs"][0]
    except (ValueError, KeyError, IndexError):
        return {}
    side = job["write"] if job["write"]["total_ios"] else job["read"]
    if job["error"] or not side["total_ios"]:
        return {}
    percentile = side["lat_ns"]["percentile"]
    return {"ios": side["total_ios"], "iops": round(side["iops"], 1),
            "p50": percentile["50.000000"], "p99": percentile["99.000000"]}


class Reader:
    """Takes the lines one by one, and tells "say" what comes"""

    def __init__(self, run, say):
        self.run, self.say = run, say
        self.fio, self.text = None, []

    def add_row(self, column, row, figures):
        if not figures:
            self.add_note(column, f"row {row} failed: {' '.join(self.text)[:300]}")
            return
        column_of(self.run, column)["rows"][row] = figures
        words = ", ".join(f"{key} {value}" for key, value in figures.items() if key != "ios")
        self.say(f"{column:20} {row:16} {words}")

    def add_note(self, column, text):
        column_of(self.run, column)["notes"].append(text)
        self.say(f"{column}: {text}")

    def end_fio(self):
        if self.fio:
            self.add_row(*self.fio, from_fio("\n".join(self.text)))
        self.fio, self.text = None, []

    def take(self, line):
        word, _, rest = line.partition(" ")
        if not line.startswith("@"):
            self.other(line)
            return
        self.end_fio()
        column, _, text = rest.partition(" ")
        if word == "@kernel":
            self.run["release"] = rest
        elif word == "@version":
            self.run["versions"] += [rest] if rest not in self.run["versions"] else []
        elif word == "@failed":
            self.run["failures"].append(rest)
            self.say(f"FAILED: {rest}")
        elif word == "@note":
            self.add_note(column, text)
        elif word == "@fio":
            self.fio = (column, text)
        elif word == "@fact":
            name, _, value = text.partition(" ")
            if value:
                column_of(self.run, column)["facts"][name] = float(value)
        elif word == "@row":
            row, _, text = text.partition(" ")
            self.text = [text]
            self.add_row(column, row, json.loads(text) if text.startswith("{") else {})
            self.text = []

    def other(self, line):
        if self.fio:
            self.text.append(line)
        elif line:
            self.say(line)


def read(stream, run, raw, say):
    """All lines of a stream, which are also kept in the file "raw" """
    reader = Reader(run, say)
    for line in stream:
        raw.write(line)
        reader.take(line.rstrip("\r\n"))
    reader.end_fio()
    return run
