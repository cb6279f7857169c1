#!/bin/sh
# SPDX-License-Identifier: MIT
#
# json-schema.sh - the schema of what ublk-ctl prints as JSON, and its manual page, describe the same members
#
# Compared are the names and types of all members of the things that are listed. Prints TAP.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
for program in mandoc python3; do
	command -v $program >/dev/null || {
		echo "1..0 # SKIP there is no $program"
		exit 0
	}
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
"$top/build/man.sh" ublk-ctl >"$work/page.8"
mandoc -T ascii -O width=500 "$work/page.8" | sed "s/.$(printf '\b')//g" >"$work/page"
cat >"$work/compare.py" <<'END'
import json, re, sys

def of_schema(path):
    """name of a document -> name of a member -> its type"""
    found = {}
    for document, schema in json.load(open(path))["$defs"].items():
        members = found.setdefault(document, {})
        for array in schema["properties"].values():
            for name, member in array["items"]["properties"].items():
                assert member["description"], name
                types = member["type"] if isinstance(member["type"], list) else [member["type"]]
                members[name] = types[0]
    return found

def of_page(path):
    """the same, from the lines of the section JSON, which say how deep they are by their blanks"""
    found, documents, kind, within = {}, [], None, False
    for line in open(path):
        depth = len(line) - len(line.lstrip())
        words = line.strip()
        if depth == 0 and words:
            within = words == "JSON"
        elif within and depth == 5 and re.match(r"[a-z]+( and [a-z]+)*(  |$)", words):
            documents = [words.split()[0]]
            found.setdefault(documents[0], {})
        elif within and depth == 13 and words.endswith(":"):
            kind = re.match("[a-z]+(?=s)", words).group()
        elif within and depth == 21 and not words.startswith("all "):
            for name in re.sub(r"\([^)]*\)", "", words).strip(" ;.").split(","):
                found[documents[0]][name.strip()] = kind
    return found

schema, page = of_schema(sys.argv[1]), of_page(sys.argv[2])
print("1..%d" % (len(schema) + 1))
same = sorted(schema) == sorted(page)
print("%s 1 - ublk-ctl(8) and the schema describe the same documents" % ("ok" if same else "not ok"))
for number, name in enumerate(schema, 2):
    here, there = schema[name], page.get(name, {})
    wrong = sorted(m for m in set(here) | set(there) if here.get(m) != there.get(m))
    same = same and not wrong
    print("%s %d - the members of %s are in both, with their types" % ("not ok" if wrong else "ok", number, name))
    for member in wrong:
        print("# %s: the schema says %s, the page %s" % (member, here.get(member), there.get(member)))
sys.exit(not same)
END
python3 "$work/compare.py" "$top/applets/ctl/ublk-ctl.schema.json" "$work/page"
