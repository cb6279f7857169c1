# SPDX-License-Identifier: MIT
"""plot - a run as a picture: groups of bars, drawn as SVG"""

from html import escape

import figures

COLOURS = {"null_blk": "#bbbbbb", "brd": "#999999", "zram": "#c9b18f", "loop": "#e8c468", "loop-dio": "#d1a32c",
           "loop-dio-bd": "#a97f12", "nbd": "#b48ead", "kublk-null": "#9fc5e8", "kublk-null+-b": "#6fa8dc",
           "kublk-loop": "#5b8db8", "kublk-loop-bd": "#3d6a92", "ublk-null": "#e99a9a", "ublk-mem": "#c0392b",
           "ublk-file": "#7fb77e", "ublk-file-bd": "#4e944f", "ublk-file-ext4": "#2f6b30"}
OTHERS = ["#444444", "#777744", "#447777", "#774477"]
BAR, GAP, LEAST, HEIGHT, LEFT, TOP = 9, 24, 70, 220, 70, 60


def panels(run):
    """(title, rows, unit, factor) of what is drawn one below the other"""
    rows = [row for row in figures.row_names(run) if any("iops" in figures.row_of(run, c, row) for c in run["columns"])]
    small = [row for row in rows if figures.block_size(row) < 65536]
    large = [row for row in rows if figures.block_size(row) > 65536]
    return [
        ("4 KiB, fio", [row for row in small if "thin" not in row], "thousand requests a second", lambda row: 1e-3),
        ("4 KiB, thin client", [row for row in small if "thin" in row], "thousand requests a second", lambda row: 1e-3),
        ("128 KiB and 1 MiB", large, "MiB a second", lambda row: figures.block_size(row) / (1 << 20)),
    ]


def colours(columns):
    others = iter(OTHERS * len(columns))
    return {name: COLOURS.get(name) or next(others) for name in columns}


def text(x, y, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'


def nice_ceiling(value):
    step = 10 ** (len(str(int(value))) - 1)
    return max(1, -(-value // step) * step)


def groups(run, rows, factor):
    """Of each row, (column, value) of those that have one"""
    for row in rows:
        found = [(column, figures.row_of(run, column, row)) for column in run["columns"]]
        yield row, [(column, f["iops"] * factor(row)) for column, f in found if "iops" in f]


def draw_axis(top, width, ceiling):
    out = []
    for i in range(5):
        y = top + HEIGHT * (4 - i) / 4
        out.append(f'<line x1="{LEFT}" x2="{width - 10}" y1="{y}" y2="{y}" stroke="#dddddd"/>')
        out.append(text(LEFT - 8, y + 4, f"{ceiling * i / 4:g}", 'text-anchor="end"'))
    return out


def draw_panel(run, panel, top, width, colour):
    title, rows, unit, factor = panel
    found = list(groups(run, rows, factor))
    ceiling = nice_ceiling(max(value for _, bars in found for _, value in bars))
    out = [text(LEFT, top - 12, f"{title}: {unit}", 'font-weight="bold"')] + draw_axis(top, width, ceiling)
    x = LEFT + GAP / 2
    for row, bars in found:
        begin = x
        for column, value in bars:
            tall = HEIGHT * value / ceiling
            out.append(f'<rect x="{x:.1f}" y="{top + HEIGHT - tall:.1f}" width="{BAR - 1}" height="{tall:.1f}" '
                       f'fill="{colour[column]}"><title>{escape(f"{column} {row}: {value:.1f} {unit}")}</title></rect>')
            x += BAR
        out.append(text((begin + x) / 2, top + HEIGHT + 16, row, 'text-anchor="middle" font-size="10"'))
        x = max(x, begin + LEAST) + GAP
    return out


def width_of(run, panel):
    return LEFT + 20 + sum(GAP + max(BAR * len(bars), LEAST) for _, bars in groups(run, panel[1], panel[3]))


def draw_legend(columns, colour, top, width):
    out, x, y = [], LEFT, top
    for name in columns:
        if x + 130 > width:
            x, y = LEFT, y + 18
        out.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour[name]}"/>')
        out.append(text(x + 15, y, name))
        x += 40 + 8 * len(name)
    return out, y


def svg(run):
    shown = [panel for panel in panels(run) if panel[1]]
    columns = [name for name, column in run["columns"].items() if column["rows"]]
    colour = colours(columns)
    width = max([500] + [width_of(run, panel) for panel in shown])
    out = [text(LEFT, 22, f"Linux {run['release']}", 'font-size="15" font-weight="bold"')]
    legend, y = draw_legend(columns, colour, 44, width)
    out += legend
    for panel in shown:
        out += draw_panel(run, panel, y + TOP, width, colour)
        y += HEIGHT + 70
    out.append(text(LEFT, y + 40, f"{', '.join(run['versions'])}; {run['method']}", 'font-size="10" fill="#555555"'))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 55}" '
            f'font-family="sans-serif" font-size="11">\n<!-- SPDX-License-Identifier: MIT -->\n'
            f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(out) + "\n</svg>\n")
