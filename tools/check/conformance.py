#!/usr/bin/env python3
"""Write docs/conformance.md: what the project owes, and the tests that show it.

A test says what it shows by a mark in a comment: "conformance: S0-20 S0-22". The driver requirements of VirtIO 1.3 that
the strict fake device checks come from tests/fake/requirements.def. With --check nothing is written: exit 1 when the page
is out of date, or when an id is called done and no test shows it.
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "conformance.md"
MARK = re.compile(r"conformance:((?:[ ,]+S\d-\d\d)+)")
REQUIREMENT = re.compile(r'^\s*REQUIREMENT\(\s*(\w+)\s*,\s*"([^"]+)"\s*,\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)', re.M)
BROKEN = re.compile(r'^RULE\((\w+), "([^"]+)", "([^"]+)", "([^"]+)"\)', re.M)
PLACES = ("tests", "tools/check", "examples")


def checklist():
    rows = []
    for line in (ROOT / "docs" / "checklist.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            rows.append(line.split("\t"))
    return rows


def marks():
    found = {}
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*")):
            if path == pathlib.Path(__file__).resolve() or path.suffix not in (".c", ".h", ".py", ".mk", "") or not path.is_file():
                continue
            for match in MARK.finditer(path.read_text(errors="replace")):
                for one in re.findall(r"S\d-\d\d", match.group(1)):
                    found.setdefault(one, set()).add(path.relative_to(ROOT).as_posix())
    return found


def requirements():
    path = ROOT / "tests" / "fake" / "requirements.def"
    rows = []
    for match in REQUIREMENT.finditer(path.read_text()):
        text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match.group(3)))
        rows.append((match.group(2), match.group(1), text))
    return rows


def page(rows, found, rules):
    out = ["# Conformance", "",
           "Made by `tools/check/conformance.py` from `docs/checklist.tsv`, from the marks in the tests and from",
           "`tests/fake/requirements.def`; `./test --only check` fails when it is out of date.", "",
           "## What the founding documents ask for", "",
           "| id | what | state | shown by |", "|---|---|---|---|"]
    for ident, what, state in rows:
        shown = ", ".join(f"`{p}`" for p in sorted(found.get(ident, ())))
        out.append(f"| {ident} | {what} | {state} | {shown} |")
    out += ["", "## Driver requirements of VirtIO 1.3 that the fake device enforces", "",
            f"{len(rules)} requirements; a driver that breaks one fails its test with this section.", "",
            "| § | check | requirement, in our words |", "|---|---|---|"]
    out += [f"| {section} | `{name}` | {text} |" for section, name, text in rules]
    broken = BROKEN.findall((ROOT / "tests" / "loop" / "gpu_driver_rules.def").read_text())
    out += ["", "## Guests that break what VirtIO 1.3 §5.7 asks of a GPU's driver", "",
            f"{len(broken)} rules; `tests/loop/gpu_breaks.h` has a guest for each, and our GPU device does what stands here: in one process",
            "with it (`tests/unit/gpu_device_hostile_test.c`) and through QEMU (`tests/qtest/gpu_hostile_test.c`). What QEMU's own device",
            "does instead: [hostile-guests.md](hostile-guests.md).", "",
            "| § | check | what a driver does | what a guest gets that does not |", "|---|---|---|---|"]
    out += [f"| {section} | `{name}` | {driver} | {device} |" for name, section, driver, device in broken]
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something is amiss")
    check = parser.parse_args().check
    rows, found = checklist(), marks()
    text = page(rows, found, requirements())
    if not check:
        PAGE.write_text(text)
        return 0
    bad = [r[0] for r in rows if r[2] == "done" and r[0] not in found]
    known = {r[0] for r in rows}
    for ident in bad:
        print(f"docs/checklist.tsv: {ident} is called done, but no test carries 'conformance: {ident}'")
    for ident in sorted(set(found) - known):
        print(f"{', '.join(sorted(found[ident]))}: marks {ident}, which docs/checklist.tsv does not know")
    stale = not PAGE.exists() or PAGE.read_text() != text
    if stale:
        print("docs/conformance.md is out of date: run tools/check/conformance.py")
    return 1 if bad or stale or set(found) - known else 0


if __name__ == "__main__":
    sys.exit(main())
