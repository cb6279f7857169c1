# SPDX-License-Identifier: MIT
"""targets - which of the lines in the file "targets" a run meets"""

import os
import re

import figures
import tables

NAME = re.compile(r"(?<!\w)([a-z][\w+=.-]*):(@?)([\w-]+)(?::(\w+))?")


def read():
    with open(os.path.join(os.path.dirname(__file__), "targets"), encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    return [[part.strip() for part in line.split("|")] for line in lines if line and not line.startswith("#")]


def holds(left, comparison, right):
    return {">=": left >= right, "<=": left <= right, "<": left < right, "all": True}[comparison]


def version(release):
    return [int(number) for number in re.findall(r"\d+", release)[:2]]


def is_for(run, kernels):
    comparison, wanted = re.fullmatch(r"([<>=]*|all)([\d.]*)", kernels).groups()
    return holds(version(run["release"]), comparison, version(wanted))


def best(*values):
    return max((value for value in values if value is not None), default=None)


def value_of(run, formula):
    """What it comes to, or None when something in it was not measured"""
    def number(match):
        column, is_fact, name, key = match.groups()
        found = run["columns"].get(column, {"facts": {}})["facts"] if is_fact else figures.row_of(run, column, name)
        return repr(found.get(name if is_fact else key or "iops"))
    try:
        return eval(NAME.sub(number, formula), {"__builtins__": {}}, {"best": best})
    except TypeError:
        return None


def verdicts(run):
    """(claim, row, value, bound, met) for each target and row; value and met are None where it was not measured"""
    for claim, rows, formula, bound, kernels in read():
        if not is_for(run, kernels):
            continue
        comparison, limit = bound.split()
        for row in rows.split():
            value = value_of(run, formula.replace("ROW", row))
            yield claim, row, value, bound, None if value is None else holds(value, comparison, float(limit))


def text(run):
    lines, missing = [], 0
    for claim, row, value, bound, met in verdicts(run):
        if met is None:
            missing += 1
        else:
            lines.append([claim, row, f"{value:.3f}", bound, "met" if met else "NOT MET"])
    if not lines:
        return ""
    met = sum(line[-1] == "met" for line in lines)
    return tables.render("Targets", ["claim", "row", "is", "wanted", ""], lines) + \
        f"{met} met, {len(lines) - met} NOT MET, {missing} not measured in this run\n"
