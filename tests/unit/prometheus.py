# SPDX-License-Identifier: MIT
"""prometheus.py - is standard input what Prometheus reads? Says what is not, and exits with 1.

What its text format demands: each name has one TYPE and one HELP, before its lines, which stand together; no line is
there twice; counters end in _total; the buckets of a histogram have rising bounds and counts and end in +Inf, which is
the count.
"""
import re
import sys

NAME = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf'({NAME})\{{({LABEL}(?:,{LABEL})*)\}} ([0-9]+(?:\.[0-9]+)?)\n')
HEAD = re.compile(rf'# (HELP|TYPE) ({NAME}) (.+)\n')


def fail(number, line, why):
    sys.exit(f'prometheus.py: line {number}: {why}: {line}')


def family(name, types):
    base = re.sub(r'_(bucket|sum|count)$', '', name)
    return base if types.get(base) == 'histogram' else name


def check(lines):
    types, helps, closed, seen, histograms, current = {}, set(), set(), set(), {}, None
    for number, line in enumerate(lines, 1):
        head, sample = HEAD.fullmatch(line), SAMPLE.fullmatch(line)
        if not head and not sample:
            fail(number, line, 'is neither a heading nor a sample')
        name = head[2] if head else family(sample[1], types)
        if name != current:
            if name in closed:
                fail(number, line, 'does not stand with the others of its name')
            closed.add(name)
            current = name
        if head:
            if head[2] in (helps if head[1] == 'HELP' else types):
                fail(number, line, 'is said twice')
            if head[1] == 'HELP':
                helps.add(name)
            else:
                types[name] = head[3]
            continue
        if name not in types or name not in helps:
            fail(number, line, 'has no TYPE or no HELP')
        if (types[name] == 'counter') != name.endswith('_total'):
            fail(number, line, 'is a counter or is called like one')
        if (sample[1], sample[2]) in seen:
            fail(number, line, 'is there twice')
        seen.add((sample[1], sample[2]))
        if types[name] == 'histogram':
            labels = re.sub(r',le="[^"]*"', '', sample[2])
            histograms.setdefault((name, labels), []).append((sample[1], sample[2], sample[3]))
    for (name, labels), samples in histograms.items():
        buckets = [(float(re.search(r'le="([^"]*)"', l)[1]), float(v)) for n, l, v in samples if n.endswith('_bucket')]
        rest = {n: float(v) for n, l, v in samples if not n.endswith('_bucket')}
        if buckets != sorted(buckets) or [v for _, v in buckets] != sorted(v for _, v in buckets) or \
                len({b for b, _ in buckets}) != len(buckets):
            sys.exit(f'prometheus.py: the buckets of {name}{{{labels}}} do not rise')
        if buckets[-1] != (float('inf'), rest[name + '_count']) or name + '_sum' not in rest:
            sys.exit(f'prometheus.py: {name}{{{labels}}} does not end as histograms do')
    return len(seen)


print(check(sys.stdin.readlines()), 'samples')
