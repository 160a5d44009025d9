#!/usr/bin/env python3
"""Brings the newest QEMU that the distribution has (Debian 13's backports) into BUILD_DIR/qemu/newest, without installing it.

usage: newest_qemu.py BUILD_DIR

It runs with the loader and the libraries of its own release: BUILD_DIR/qemu/newest/qemu-system-aarch64 is a small script.
Exit status: 0 it is there; 3 it could not be brought.
"""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from apt_private import SetupError  # noqa: E402
from private_root import RootApt, only  # noqa: E402

RELEASE, BACKPORTS = "trixie", "trixie-backports"

SCRIPT = """\
#!/bin/sh
# QEMU with the C library and the data of its own release; made by tools/setup/newest_qemu.py.
here=$(cd "$(dirname "$0")" && pwd)
lib="$here/root/{libraries}"
export QEMU_MODULE_DIR="$lib/qemu"
exec "$here/root/{loader}" --library-path "$lib:$here/root/usr/lib" "$here/root/usr/bin/qemu-system-aarch64" \\
    -L "$here/root/usr/share/qemu" "$@"
"""


def bring(build):
    target, fresh = os.path.join(build, "qemu/newest"), os.path.join(build, "qemu/newest.new")
    shutil.rmtree(fresh, ignore_errors=True)
    root = os.path.join(fresh, "root")
    RootApt(os.path.join(build, "apt-qemu"), [BACKPORTS, RELEASE]).unpack(["qemu-system-arm"], root)
    loader = os.path.relpath(only(root, "usr/lib*/ld-linux-*.so.*"), root)
    libraries = os.path.dirname(os.path.relpath(only(root, "usr/lib/*/libc.so.6"), root))
    script = os.path.join(fresh, "qemu-system-aarch64")
    with open(script, "w", encoding="utf-8") as f:
        f.write(SCRIPT.format(loader=loader, libraries=libraries))
    os.chmod(script, 0o755)
    shutil.rmtree(target, ignore_errors=True)
    os.rename(fresh, target)


def main(argv):
    if len(argv) != 2 or argv[1].startswith("-"):
        print(__doc__.strip())
        return 2
    build = os.path.abspath(argv[1])
    script = os.path.join(build, "qemu/newest/qemu-system-aarch64")
    if not os.path.exists(script):
        print(f"setup: fetching QEMU from {BACKPORTS} into {build}/qemu", flush=True)
        bring(build)
        version = subprocess.run([script, "--version"], text=True, stdout=subprocess.PIPE, check=False).stdout
        print(f"setup: {version.splitlines()[0] if version else 'it does not run here'}", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv))
    except SetupError as e:
        print(f"setup: {e}", file=sys.stderr)
        sys.exit(3)
