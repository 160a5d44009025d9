#!/usr/bin/env python3
"""The driver library keeps no writable data, asks its surroundings for nothing but the four memory functions, and gives them no
name without a prefix of its own, which an embedding program could have too."""

import subprocess
import sys

from tree import TOP, report

LIBRARY = "build/aarch64/libvirtio.a"
WRITABLE = "bBdDCsSgGuvV"
CONSTANT_SECTIONS = (".rodata", ".data.rel.ro")  # the latter: constants with addresses in them, in position-independent code
MAY_NEED = {"memcpy", "memmove", "memset", "memcmp"}
PREFIXES = ("virtio_", "virtq_", "vgpu_", "vnet_", "vblk_", "vinput_", "display_", "edid_")
LINKER_MAKES = {"_GLOBAL_OFFSET_TABLE_"}


def symbols():
    """(object, kind, name, section) for every symbol of the library."""
    done = subprocess.run(
        ["aarch64-linux-gnu-nm", "--format=sysv", LIBRARY], cwd=TOP, text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"cannot read {LIBRARY}: {done.stderr.strip()}")
    where = ""
    for line in done.stdout.splitlines():
        if line.startswith(("Symbols from ", "Undefined symbols from ")):
            where = line.rstrip(":").split("[")[-1].rstrip("]")
        words = [w.strip() for w in line.split("|")]
        if len(words) == 7 and words[2] in set(WRITABLE + "UwWtTrRnN"):
            yield where, words[2], words[0], words[6]


def main():
    subprocess.run(["make", "-s", "lib"], cwd=TOP, check=True)
    rows = list(symbols())
    defined = {name for _, kind, name, _ in rows if kind not in "Uw"} | MAY_NEED | LINKER_MAKES
    problems = [f"{where}: {name} is writable data; the library keeps its state in what the caller gives"
                for where, kind, name, section in rows
                if kind in WRITABLE and not section.startswith(CONSTANT_SECTIONS)]
    problems += [f"{where}: needs {name}, which a freestanding surrounding does not have"
                 for where, kind, name, _ in rows if kind == "U" and name not in defined]
    problems += [f"{where}: exports {name}, a name without one of the library's prefixes ({' '.join(PREFIXES)})"
                 for where, kind, name, _ in rows if kind in "TRDBWV" and not name.startswith(PREFIXES)]
    report(problems)


if __name__ == "__main__":
    main()
