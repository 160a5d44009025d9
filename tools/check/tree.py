"""The tree as the check scripts see it, and how they report."""

import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def files(pattern, *directories):
    """Root-relative paths that match, without build/ and hidden directories (but with .ci)."""
    regex, found = re.compile(pattern), []
    for start in directories or (".",):
        for where, dirs, names in os.walk(os.path.join(TOP, start)):
            dirs[:] = sorted(d for d in dirs if d == ".ci" or (d[0] != "." and d not in ("build", "__pycache__")))
            found += [os.path.relpath(os.path.join(where, n), TOP) for n in names if regex.search(n)]
    return sorted(found)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def report(problems):
    """Prints each problem on its line and ends with status 1 when there is one."""
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
