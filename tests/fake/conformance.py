#!/usr/bin/env python3
"""Prints docs/conformance.md: every driver requirement that the fake device checks, and the test that proves the check.

usage: tests/fake/conformance.py > docs/conformance.md        (from the root of the tree)
       tests/fake/conformance.py --check docs/conformance.md  (exit status 1 when that file is not what would be printed)
"""
import glob
import re
import sys

TABLE = "tests/fake/requirements.def"
LINE = re.compile(r'^(REQUIREMENT|RECOMMENDATION)\((\w+), "([\d.]+)", "(.*)"\)$')
HEAD = """# Conformance

What VirtIO 1.3 asks of a driver, as far as a device can see it. The strict fake device (`tests/fake/`) checks each line below on
every access and every descriptor of every unit test that uses it; a broken *must* fails the test. So that each check is known
to fire, a deliberately broken driver exists for each line: the test named in the last column.

This page is printed by `tests/fake/conformance.py` from `tests/fake/requirements.def`; do not edit it.
"""


def requirements():
    with open(TABLE, encoding="utf-8") as file:
        for line in file:
            if line.startswith("/* ") and line.rstrip().endswith("*/"):
                yield ("title", line.strip()[3:-3].rstrip("."), "", "")
            match = LINE.match(line.rstrip())
            if match:
                yield match.groups()


def proofs():
    """Which test of which file makes each requirement fire first."""
    found = {}
    for path in sorted(glob.glob("tests/unit/fake_*_test.c")):
        test = ""
        with open(path, encoding="utf-8") as file:
            for line in file:
                start = re.match(r"UTEST\((\w+)\)", line)
                test = start.group(1) if start else test
                # The last test of each file only counts; it names ranges.
                if test.startswith("every_requirement") or "hits[" in line:
                    continue
                for name in re.findall(r"FAKE_REQ_(\w+)", line):
                    found.setdefault(name, f"{path.rsplit('/', 1)[1][:-2]}: {test.replace('_', ' ')}")
    return found


def page():
    proof = proofs()
    lines = [HEAD]
    counts = {"REQUIREMENT": 0, "RECOMMENDATION": 0}
    for kind, name, section, sentence in requirements():
        if kind == "title":
            lines.append(f"\n## {name}\n\n| § | | the driver | proved by |\n|---|---|---|---|")
            continue
        counts[kind] += 1
        word = "must" if kind == "REQUIREMENT" else "should"
        lines.append(f"| {section} | {word} | {sentence} | {proof.get(name, 'nothing')} |")
    lines.append(f"\n{counts['REQUIREMENT']} requirements and {counts['RECOMMENDATION']} recommendations.")
    return "\n".join(lines) + "\n"


def main(argv):
    text = page()
    if len(argv) == 3 and argv[1] == "--check":
        with open(argv[2], encoding="utf-8") as file:
            return 0 if file.read() == text else 1
    if len(argv) != 1:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
