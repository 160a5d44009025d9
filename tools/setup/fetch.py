#!/usr/bin/env python3
"""Brings what the project takes from the distribution's archive into build/deps: sources, data, Vulkan's registry.

usage: fetch.py BUILD_DIR [NAME ...]       (names: libfdt lwip font vulkan; default: all that are missing)

Each is pinned by version and sha256 in the file 'pins' beside this one, and checked after the download.
"""

import fcntl
import gzip
import hashlib
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import apt_private  # noqa: E402
from apt_private import SetupError  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def read_pins():
    """name -> (suite, kind, package, file, sha256)."""
    with open(os.path.join(HERE, "pins"), encoding="utf-8") as f:
        rows = [line.split() for line in f if line.strip() and not line.startswith("#")]
    return {row[0]: tuple(row[1:]) for row in rows}


def sha256_of(data):
    return hashlib.sha256(data).hexdigest()


def check_pin(what, data, want):
    got = sha256_of(data)
    if got != want:
        raise SetupError(
            f"{what}: the archive's file is not the pinned one\n  pinned sha256 {want}\n  found  sha256 {got}\n"
            "  If the distribution updated it on purpose, review the change and update tools/setup/pins."
        )


def fetch_source(apt, package, file, sha256, work, target):
    """Downloads one source package and unpacks its pristine upstream tarball, or FILE#DIRECTORY of it, into `target`."""
    uris = apt.source_uris(package)
    file, _, part = file.partition("#")
    if file not in uris:
        raise SetupError(
            f"{package}: tools/setup/pins wants {file}, but the archive now has {', '.join(sorted(uris)) or 'nothing'}"
        )
    path = os.path.join(work, file)
    apt.download_uri(*uris[file], path)
    with open(path, "rb") as f:
        check_pin(file, f.read(), sha256)
    whole = os.path.join(work, "whole")
    os.makedirs(whole)
    subprocess.run(["tar", "-xf", path, "-C", whole, "--strip-components=1"], check=True)
    if not os.path.isdir(os.path.join(whole, part)):
        raise SetupError(f"{package}: {file} holds no directory {part}")
    os.rename(os.path.join(whole, part), target)


def fetch_data(apt, package, file, sha256, work, target):
    """Downloads one binary package, without installing it, and takes one (gzip-compressed) data file out of it."""
    apt.call(["download", package], cwd=work)
    debs = [n for n in os.listdir(work) if n.endswith(".deb")]
    unpacked = os.path.join(work, "unpacked")
    subprocess.run(["dpkg-deb", "-x", os.path.join(work, debs[0]), unpacked], check=True)
    path = os.path.join(unpacked, file)
    if not os.path.exists(path):
        raise SetupError(f"{package}: {debs[0]} holds no {file}")
    with gzip.open(path, "rb") as f:
        data = f.read()
    check_pin(file, data, sha256)
    os.makedirs(target)
    with open(os.path.join(target, os.path.basename(file)[: -len(".gz")]), "wb") as f:
        f.write(data)


def open_apt(apts, suite, build):
    apts[suite] = apt_private.PrivateApt(os.path.join(build, "apt"), suite)
    apts[suite].update()
    return apts[suite]


def fetch_one(apts, name, pin, deps):
    suite, kind, package, file, sha256 = pin
    apt = apts.get(suite) or open_apt(apts, suite, os.path.dirname(deps))
    target = os.path.join(deps, name)
    work, fresh = target + ".work", target + ".new"
    for path in (work, fresh, target):
        shutil.rmtree(path, ignore_errors=True)
    os.makedirs(work)
    {"source": fetch_source, "data": fetch_data}[kind](apt, package, file, sha256, work, fresh)
    with open(os.path.join(fresh, ".pin"), "w", encoding="utf-8") as f:
        f.write(sha256 + "\n")
    os.rename(fresh, target)
    shutil.rmtree(work)
    print(f"setup: {name} ready ({package}: {os.path.basename(file)}, sha256 as pinned)", flush=True)


def is_present(name, pin, deps):
    try:
        with open(os.path.join(deps, name, ".pin"), encoding="utf-8") as f:
            return f.read().strip() == pin[-1]
    except OSError:
        return False


def main(argv):
    if len(argv) < 2 or argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 2
    build = argv[1]
    deps = os.path.join(build, "deps")
    pins = read_pins()
    wanted = argv[2:] or sorted(pins)
    unknown = [n for n in wanted if n not in pins]
    if unknown:
        raise SetupError(f"unknown name {unknown[0]}; known: {', '.join(sorted(pins))}")
    missing = [n for n in wanted if not is_present(n, pins[n], deps)]
    if not missing:
        return 0
    os.makedirs(deps, exist_ok=True)
    lock = os.open(os.path.join(deps, ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX)  # make -j asks for several at once, and apt's lists bear one of us; freed at our end
    missing = [n for n in wanted if not is_present(n, pins[n], deps)]
    if not missing:
        return 0
    print(f"setup: fetching {', '.join(missing)} from the distribution's archive into {deps}", flush=True)
    apts = {}
    for name in missing:
        fetch_one(apts, name, pins[name], deps)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv))
    except SetupError as e:
        print(f"setup: {e}", file=sys.stderr)
        sys.exit(3)
