#!/usr/bin/env python3
"""Builds the committed tree twice, in two directories of different name and depth, and compares every product. conformance: S4-01"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

from tree import TOP, report

PRODUCTS = ("build/aarch64/Image", "build/aarch64/vitrine.elf", "build/aarch64/libvirtio.a")
SKIP_STATUS = 77


def build_in(where):
    """Product -> sha256 of a build of HEAD in a fresh directory."""
    os.makedirs(where)
    archive = subprocess.run(["git", "-c", f"safe.directory={TOP}", "archive", "HEAD"], cwd=TOP, capture_output=True, check=False)
    if archive.returncode != 0:
        print(f"needs a git checkout: {archive.stderr.decode().strip()}")
        sys.exit(SKIP_STATUS)
    subprocess.run(["tar", "-x", "-C", where], input=archive.stdout, check=True)
    shutil.copytree(os.path.join(TOP, "build/deps"), os.path.join(where, "build/deps"))
    subprocess.run(["make", "-s", f"-j{os.cpu_count() or 1}", "kernel", "lib"], cwd=where, check=True)
    digests = {}
    for product in PRODUCTS:
        with open(os.path.join(where, product), "rb") as f:
            digests[product] = hashlib.sha256(f.read()).hexdigest()
    return digests


def main():
    with tempfile.TemporaryDirectory(prefix="vitrine-repro-") as base:
        first = build_in(os.path.join(base, "a"))
        second = build_in(os.path.join(base, "another/directory/deeper"))
    for product in PRODUCTS:
        print(f"{first[product]}  {product}")
    report([f"{p} differs: {first[p]} and {second[p]}" for p in PRODUCTS if first[p] != second[p]])


if __name__ == "__main__":
    main()
