#!/usr/bin/env python3
"""Brings programs of another Debian release into BUILD_DIR/roots/NAME, to run with the C library of their own release.

usage: roots.py BUILD_DIR NAME        (names: trixie, sid)

  Each holds the peer's Venus server, Mesa's Venus client, lavapipe, vulkaninfo, vkcube, vkmark and the validation
  layers: trixie is Debian 13 (Mesa 25.0, the peer 1.1); sid is Debian's newest (Mesa 26 and the peer 1.3 in late 2026).

No root, no mount and no chroot is needed: BUILD_DIR/roots/NAME/run PROGRAM ARGS starts a program out of usr/bin of the
unpacked packages with their loader and libraries; bin/ has such a script for what others start by its path.
Exit status: 0 it is there; 3 it could not be brought.
"""

import fcntl
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "setup"))
from apt_private import SetupError  # noqa: E402
from private_root import RootApt, make_empty, only  # noqa: E402

RECIPE = "2\n"  # another one makes every root anew: for when what is brought, or how it is placed, has changed

NAMES = ("trixie", "sid")
PACKAGES = ["mesa-vulkan-drivers", "vulkan-tools", "vulkan-validationlayers", "virgl-server", "vkmark"]

RUN = """\
#!/bin/sh
# Runs a program with the loader and the libraries of this root: run PROGRAM ARGS.  PROGRAM is a name in usr/bin of the
# root, a path relative to the root, or an absolute path of an older release's program.  Made by tools/peers/roots.py.
here=$(cd "$(dirname "$0")" && pwd)
program=$1
shift
case $program in
    /*) ;;
    */*) program="$here/root/$program" ;;
    *) program="$here/root/usr/bin/$program" ;;
esac
exec "$here/root/{loader}" --library-path "$here/root/{libraries}:$here/root/usr/lib" "$program" "$@"
"""

START = """\
#!/bin/sh
exec "$(dirname "$0")/../run" {program} "$@"
"""

# vkmark looks for its own files where they would have been installed.
VKMARK = """\
#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd)
exec "$here/run" vkmark --winsys-dir "$here/root/{libraries}/vkmark" --data-dir "$here/root/usr/share/vkmark" "$@"
"""


def write_script(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, 0o755)


def place_manifests(root, target, libraries):
    """The drivers' manifests and the layers', with paths relative to themselves."""
    for kind, key, place in (("icd.d", "ICD", "icd.d"), ("explicit_layer.d", "layer", "layers.d")):
        source = os.path.join(root, "usr/share/vulkan", kind)
        os.makedirs(os.path.join(target, place))
        for name in sorted(os.listdir(source)):
            with open(os.path.join(source, name), encoding="utf-8") as f:
                content = json.load(f)
            if "library_path" not in content.get(key, {}):
                continue
            content[key]["library_path"] = f"../root/{libraries}/" + os.path.basename(content[key]["library_path"])
            with open(os.path.join(target, place, name), "w", encoding="utf-8") as f:
                json.dump(content, f, indent=4)


def make_root(build, name, target):
    root = os.path.join(target, "root")
    names = RootApt(os.path.join(build, "apt-roots"), [name]).unpack(PACKAGES, root)
    loader = os.path.relpath(only(root, "usr/lib*/ld-linux-*.so.*"), root)
    libraries = os.path.dirname(os.path.relpath(only(root, "usr/lib/*/libc.so.6"), root))
    write_script(os.path.join(target, "run"), RUN.format(loader=loader, libraries=libraries))
    for program in ("usr/libexec/virgl_render_server", "usr/bin/vulkaninfo", "usr/bin/vkcube"):
        write_script(os.path.join(target, "bin", os.path.basename(program)), START.format(program=program))
    write_script(os.path.join(target, "bin/vkmark"), VKMARK.format(libraries=libraries))
    place_manifests(root, target, libraries)
    return names


def place(build, name):
    """Where the root is, or will be."""
    return os.path.join(os.path.abspath(build), "roots", name)


def icd(build, name, driver):
    """The manifest of a driver ('lvp', 'virtio') of the root, for programs of this root."""
    return os.path.join(place(build, name), f"icd.d/{driver}_icd.json")


def is_present(build, name):
    try:
        with open(os.path.join(place(build, name), "recipe"), encoding="utf-8") as f:
            return f.read() == RECIPE
    except OSError:
        return False


def bring(build, name):
    target = place(build, name)
    fresh = make_empty(target + ".new")
    names = make_root(os.path.abspath(build), name, fresh)
    for file, text in (("version", "\n".join(names) + "\n"), ("recipe", RECIPE)):
        with open(os.path.join(fresh, file), "w", encoding="utf-8") as f:
            f.write(text)
    shutil.rmtree(target, ignore_errors=True)
    os.rename(fresh, target)
    print(f"peers: root {name} ready ({len(names)} packages, unpacked)", file=sys.stderr, flush=True)


def ensure(build, name):
    """Brings the root if it is not there and returns its directory; silent and quick when it is.  Raises SetupError."""
    if name not in NAMES:
        raise SetupError(f"unknown root {name}; known: {', '.join(NAMES)}")
    if is_present(build, name):
        return place(build, name)
    os.makedirs(os.path.join(build, "roots"), exist_ok=True)
    lock = os.open(os.path.join(build, "roots/.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # suites that run side by side ask for the same
        if not is_present(build, name):
            print(f"peers: fetching root {name} (90 MB or so) into {build}/roots", file=sys.stderr, flush=True)
            bring(build, name)
    finally:
        os.close(lock)
    return place(build, name)


def main(argv):
    if len(argv) != 3 or argv[1].startswith("-"):
        print(__doc__.strip())
        return 0 if argv[1:] in (["-h"], ["--help"]) else 2
    print(ensure(argv[1], argv[2]))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv))
    except SetupError as e:
        print(f"peers: {e}", file=sys.stderr)
        sys.exit(3)
