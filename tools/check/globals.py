#!/usr/bin/env python3
"""The renderer keeps no writable data. The driver library keeps no writable data, asks its surroundings for nothing but the four memory functions, and gives them no
name without a prefix of its own, which an embedding program could have too. What it asks for is looked at on RISC-V as well, of
64 and of 32 bits, where clang is there: compilers call helpers on one machine that they do without on another."""

import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile

from tree import TOP, files, report

LIBRARY = "build/aarch64/libvirtio.a"
WRITABLE = "bBdDCsSgGuvV"
CONSTANT_SECTIONS = (".rodata", ".data.rel.ro")  # the latter: constants with addresses in them, in position-independent code
MAY_NEED = {"memcpy", "memmove", "memset", "memcmp"}
PREFIXES = ("virtio_", "virtq_", "vgpu_", "vnet_", "vblk_", "vinput_", "display_", "edid_", "vvk_")
# Other machines: clang's name, and what the compiler's own runtime (libgcc, compiler-rt) gives there, as platform.h tells.
OTHERS = {
    "riscv64-unknown-none": set(),
    "riscv32-unknown-none": {"__udivdi3"},
}
LINKER_MAKES = {"_GLOBAL_OFFSET_TABLE_"}
# The renderer: it may use libc, but keeps no state of its own either.
VENUS = "build/lib/libvenus.a"
VENUS_PREFIXES = ("venus_", "vn_")


def symbols(nm, library):
    """(object, kind, name, section) for every symbol of the library."""
    done = subprocess.run([nm, "--format=sysv", library], cwd=TOP, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"cannot read {library}: {done.stderr.strip()}")
    where = ""
    for line in done.stdout.splitlines():
        if line.startswith(("Symbols from ", "Undefined symbols from ")):
            where = line.rstrip(":").split("[")[-1].rstrip("]")
        words = [w.strip() for w in line.split("|")]
        if len(words) == 7 and words[2] in set(WRITABLE + "UwWtTrRnN"):
            yield where, words[2], words[0], words[6]


def compile_for(target, path, directory):
    out = os.path.join(directory, path.replace("/", "_") + ".o")
    command = ["clang", f"--target={target}", "-std=gnu17", "-O2", "-ffreestanding", "-I.", "-Ivirtio/include", "-Ibuild/gen", "-isystem",
               "build/deps/vulkan/include", "-c", path, "-o", out]
    subprocess.run(command, cwd=TOP, check=True)
    return out


def needs_elsewhere(target):
    """What the library needs on another machine and may not."""
    with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        objects = list(pool.map(lambda path: compile_for(target, path, directory), files(r"\.c$", "virtio")))
        done = subprocess.run(["nm", *objects], text=True, capture_output=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    needed = {words[1] for words in rows if len(words) == 2 and words[0] in "Uw"}
    return needed - {words[2] for words in rows if len(words) == 3} - MAY_NEED - OTHERS[target]


def owned(rows, prefixes):
    """What no library of ours has: writable data, and exported names of other people's making."""
    problems = [f"{where}: {name} is writable data; the library keeps its state in what the caller gives"
                for where, kind, name, section in rows
                if kind in WRITABLE and not section.startswith(CONSTANT_SECTIONS)]
    return problems + [f"{where}: exports {name}, a name without one of the library's prefixes ({' '.join(prefixes)})"
                       for where, kind, name, _ in rows if kind in "TRDBWV" and not name.startswith(prefixes)]


def main():
    subprocess.run(["make", "-s", "lib", "venus"], cwd=TOP, check=True)
    rows = list(symbols("aarch64-linux-gnu-nm", LIBRARY))
    defined = {name for _, kind, name, _ in rows if kind not in "Uw"} | MAY_NEED | LINKER_MAKES
    problems = owned(rows, PREFIXES) + owned(list(symbols("nm", VENUS)), VENUS_PREFIXES)
    problems += [f"{where}: needs {name}, which a freestanding surrounding does not have"
                 for where, kind, name, _ in rows if kind == "U" and name not in defined]
    if shutil.which("clang"):
        problems += [f"the library on {target} needs {name}, which a freestanding surrounding does not have"
                     for target in OTHERS for name in sorted(needs_elsewhere(target))]
    report(problems)


if __name__ == "__main__":
    main()
