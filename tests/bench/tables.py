# SPDX-License-Identifier: MIT
"""tables - a run as plain text"""

import figures


def render(title, header, lines):
    """One table: the first cell of each line to the left, all others to the right"""
    cells = [header] + lines
    widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
    out = [title]
    for line in cells:
        out.append("  ".join([line[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(line[1:], widths[1:])]).rstrip())
    return "\n".join(out) + "\n"


def table(run, rows, title, cell):
    """A line for each row, a column for each disk, without those that stay empty"""
    lines = [[cell(column, row) for row in rows] for column in run["columns"]]
    columns = [(name, cells) for name, cells in zip(run["columns"], lines) if any(cells)]
    kept = [i for i in range(len(rows)) if any(cells[i] for _, cells in columns)]
    body = [[rows[i]] + [cells[i] or "-" for _, cells in columns] for i in kept]
    return render(title, ["row"] + [name for name, _ in columns], body) if body else ""


def throughput(run):
    def cell(column, row):
        found = figures.row_of(run, column, row)
        if "iops" not in found:
            return ""
        if figures.block_size(row) > 65536:
            return f"{found['iops'] * figures.block_size(row) / (1 << 20):.0f} M/s"
        return f"{found['iops'] / 1000:.1f}k"
    return cell


def added(run):
    """What a request takes beyond what it takes with a disk that does nothing"""
    def cell(column, row):
        base = figures.row_of(run, "null_blk", row)
        found = figures.row_of(run, column, row)
        return f"{1e9 / found['iops'] - 1e9 / base['iops']:+.0f}" if "iops" in base and "iops" in found else ""
    return cell


def figure(run, key, form):
    def cell(column, row):
        found = figures.row_of(run, column, row)
        return form(found[key]) if key in found else ""
    return cell


def microseconds(value):
    return f"{value / 1000:.1f}"


def measured(run, rows, machine):
    def number(key, form):
        return figure(run, key, form.format)

    parts = [
        table(run, rows, "Throughput: thousands of requests a second, or MiB a second", throughput(run)),
        table(run, rows, "Nanoseconds that a request costs more than with null_blk", added(run)),
    ]
    if machine == 1:  # with more, the time of one passes while another works
        parts += [
            table(run, rows, "Nanoseconds of the serving processes for each request", number("server_ns", "{:.0f}")),
            table(run, rows, "Nanoseconds outside the client for each request", number("others_ns", "{:.0f}")),
        ]
    return parts + [
        table(run, rows, "Context switches of the machine for each request", number("switches", "{:.2f}")),
        table(run, rows, "System calls of the server for each request", number("syscalls", "{:.3f}")),
        table(run, rows, "Median latency, microseconds", figure(run, "p50", microseconds)),
        table(run, rows, "99th percentile of latency, microseconds", figure(run, "p99", microseconds)),
    ]


def facts(run):
    names = []
    for column in run["columns"].values():
        names += [name for name in column["facts"] if name not in names]

    def cell(column, name):
        found = run["columns"][column]["facts"]
        return f"{found[name]:.0f}" if name in found else ""
    return table(run, names, "Size, memory and start", cell)


def notes(run):
    lines = [f"NOTE {name}: {text}" for name, column in run["columns"].items() for text in column["notes"]]
    lines += [f"FAILED: {text}" for text in run["failures"]]
    return "\n".join(lines) + "\n" if lines else ""


def text(run):
    rows = figures.row_names(run)
    parts = [f"Linux {run['release']}; {', '.join(run['versions'])}\n{run['method']}\n"]
    for machine in sorted(set(map(figures.machine_of, rows))):
        if machine > 1:
            parts.append(f"--- with {machine} processors\n")
        parts += measured(run, [row for row in rows if figures.machine_of(row) == machine], machine)
    return "\n".join(part for part in parts + [facts(run), notes(run)] if part)
