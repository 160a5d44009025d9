#!/usr/bin/env python3
"""The driver library keeps no writable data, and asks its surroundings for nothing but the four memory functions."""

import subprocess
import sys

from tree import TOP, report

LIBRARY = "build/aarch64/libvirtio.a"
WRITABLE = "bBdDCsSgGuvV"
MAY_NEED = {"memcpy", "memmove", "memset", "memcmp"}


def symbols():
    """(object, kind, name) for every symbol of the library."""
    done = subprocess.run(
        ["aarch64-linux-gnu-nm", "--print-file-name", LIBRARY], cwd=TOP, text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"cannot read {LIBRARY}: {done.stderr.strip()}")
    for line in done.stdout.splitlines():
        where, _, rest = line.rpartition(":")
        words = (rest if where else line).split()
        yield where.split(":")[-1], words[-2], words[-1]


def main():
    subprocess.run(["make", "-s", "lib"], cwd=TOP, check=True)
    rows = list(symbols())
    defined = {name for _, kind, name in rows if kind not in "Uw"}
    problems = [f"{where}: {name} is writable data; the library keeps its state in what the caller gives"
                for where, kind, name in rows if kind in WRITABLE]
    problems += [f"{where}: needs {name}, which a freestanding surrounding does not have"
                 for where, kind, name in rows if kind == "U" and name not in defined | MAY_NEED]
    report(problems)


if __name__ == "__main__":
    main()
