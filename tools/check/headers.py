#!/usr/bin/env python3
"""Each public header compiles alone, and each source of the library compiles, for AArch64, x86-64 and RISC-V, of 64
and of 32 bits."""

import concurrent.futures
import os
import subprocess

from tree import TOP, files, report

STRICT = ["-std=gnu17", "-ffreestanding", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
          "-I.", "-Ivirtio/include", "-Ibuild/gen", "-isystem", "build/deps/vulkan/include", "-x", "c"]
COMPILERS = (
    ("AArch64", ["aarch64-linux-gnu-gcc", "-mgeneral-regs-only"]),
    ("x86-64", ["clang", "--target=x86_64-unknown-none"]),
    ("RISC-V", ["clang", "--target=riscv64-unknown-none"]),
    ("RISC-V of 32 bits", ["clang", "--target=riscv32-unknown-none"]),
)


def compile_alone(job):
    path, (target, compiler) = job
    # Reading the header through an empty source keeps "#pragma once outside a header" and the like out of it.
    text = f'#include "{path}"\n'
    done = subprocess.run(compiler + STRICT + ["-"], cwd=TOP, input=text, text=True, capture_output=True, check=False)
    return f"{path} for {target}:\n{done.stderr.strip()}" if done.returncode else None


def main():
    paths = files(r"\.h$", "abi", "virtio/include") + files(r"\.c$", "virtio")
    jobs = [(path, compiler) for path in paths for compiler in COMPILERS]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        report([p for p in pool.map(compile_alone, jobs) if p])


if __name__ == "__main__":
    main()
