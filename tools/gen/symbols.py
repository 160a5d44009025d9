#!/usr/bin/env python3
"""The kernel's function names as an assembly file, for its backtraces: symbols.py NM ELF OUT.S

Reads a first link of the kernel; the second link adds the result behind everything executable, so no address moves.
"""
import subprocess
import sys


def functions(nm, elf):
    """(offset, name) of every function, by rising offset; one name for each offset."""
    listing = subprocess.run([nm, "-n", "--defined-only", elf], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in listing.splitlines():
        address, kind, name = line.split()
        if kind in "tT" and not name.startswith("$"):
            found.setdefault(int(address, 16), name)
    return sorted(found.items())


def main():
    nm, elf, out = sys.argv[1:]
    table, names, used = [], [], 0
    for offset, name in functions(nm, elf):
        table.append(f"    .long 0x{offset:x}, {used}\n")
        names.append(f'    .asciz "{name}"\n')
        used += len(name) + 1
    with open(out, "w", encoding="ascii") as file:
        file.write('    .section .symbols, "a"\n' + "".join(table))
        file.write('    .section .symbol_names, "a"\n' + "".join(names))


if __name__ == "__main__":
    main()
