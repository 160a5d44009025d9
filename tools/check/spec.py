#!/usr/bin/env python3
"""Every section of VirtIO 1.3 that the tree cites exists (list: virtio-1.3-sections.txt, number and title)."""

import os
import re

from tree import TOP, files, read, report

HERE = os.path.dirname(os.path.abspath(__file__))
SECTION = r"§+\s?\d+(?:\.\d+)*"
# "VirtIO 1.3 §2.7.13", also followed by more: ", §2.8", " and §2.9", "-§3.1"; a comment's line break may lie between.
CITATION = re.compile(rf"VirtIO 1\.3[\s*/#]+({SECTION}(?:(?:,|;|/|-|–| and| to)?[\s*/#]*{SECTION})*)")


def main():
    with open(os.path.join(HERE, "virtio-1.3-sections.txt"), encoding="utf-8") as f:
        known = {line.split()[0] for line in f if line.strip()}
    where = [d for d in ("abi", "virtio", "kernel", "device", "tests", "docs", "examples") if os.path.isdir(os.path.join(TOP, d))]
    problems = []
    for path in files(r"\.(c|h|S|py|md|def)$", *where):
        text = read(path)
        for m in CITATION.finditer(text):
            for number in re.findall(r"\d+(?:\.\d+)*", m.group(1)):
                if number not in known:
                    line = text.count("\n", 0, m.start()) + 1
                    problems.append(f"{path}:{line}: VirtIO 1.3 has no section {number}")
    report(problems)


if __name__ == "__main__":
    main()
