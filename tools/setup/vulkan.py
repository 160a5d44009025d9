#!/usr/bin/env python3
"""Brings what Vulkan tests run with into BUILD_DIR/deps, and says where it is.  Nothing is installed, no root is needed.

usage: vulkan.py BUILD_DIR [NAME ...]       (names: mesa mesa22; default: mesa)

  mesa     Mesa 25: its Venus client and lavapipe, with vulkaninfo, vkcube, glslangValidator and the validation layers;
           on Debian 12 from its backports, on Debian 13 from the release
  mesa22   lavapipe 22.3, Debian 12's own, as a second host driver

Prints one line for each thing: its name and its path.  The drivers find their libraries beside themselves, except the
C and C++ libraries, which are the system's; so any program of this machine can use them by VK_DRIVER_FILES alone.
Exit status: 0 all is there; 3 something could not be brought.
"""

import fcntl
import glob
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from apt_private import SetupError, release_codename  # noqa: E402
from private_root import RootApt, make_empty, only  # noqa: E402

RECIPE = "1\n"  # another one makes every set-up anew: for when what is brought, or how it is placed, has changed

SUITES = {"bookworm": ["bookworm-backports", "bookworm"], "trixie": ["trixie"]}
TOOLS = ["vulkan-tools", "glslang-tools", "vulkan-validationlayers"]

# name -> file below deps/NAME; what 'mesa' brings stands first.
WHERE = {
    "client_icd": "mesa/icd.d/virtio_icd.json",
    "lavapipe_icd": "mesa/icd.d/lvp_icd.json",
    "vulkaninfo": "mesa/bin/vulkaninfo",
    "vkcube": "mesa/bin/vkcube",
    "glslang": "mesa/bin/glslangValidator",
    "layers": "mesa/layers.d",
    "library_path": "mesa/lib",
    "lavapipe22_icd": "mesa22/icd.d/lvp_icd.json",
}

# A process has one of each of these: the system's, which is at least as new.
OF_THE_SYSTEM = ("ld-linux", "libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "libresolv.so", "libmvec.so",
                 "libutil.so", "libanl.so", "libnss_", "libnsl.so", "libthread_db", "libBrokenLocale", "libpcprofile",
                 "libmemusage", "libc_malloc_debug", "libgcc_s.so", "libstdc++.so")
UNUSED = ("libvulkan_", "libVkLayer_")  # the drivers and layers that are not asked for


def copy_libraries(root, target, wanted):
    """Every shared library of the root, flat, except the system's and the drivers nobody asked for."""
    os.makedirs(target)
    for path in glob.glob(os.path.join(root, "usr/lib/*/*.so*")) + glob.glob(os.path.join(root, "usr/lib/*.so*")):
        name = os.path.basename(path)
        if name.startswith(OF_THE_SYSTEM) or (name.startswith(UNUSED) and name not in wanted):
            continue
        shutil.copy2(path, os.path.join(target, name), follow_symlinks=False)


def find_beside(root, files, run_path):
    """Makes `files` look for libraries in `run_path` first; patchelf comes out of the same root."""
    patchelf = only(root, "usr/bin/patchelf")
    subprocess.run([patchelf, "--force-rpath", "--set-rpath", run_path] + files, check=True)


def write_json(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(content, f, indent=4)
        f.write("\n")


def copy_manifest(source, key, target, library):
    """A driver's or a layer's manifest whose library_path is relative to itself."""
    with open(source, encoding="utf-8") as f:
        content = json.load(f)
    content[key]["library_path"] = "../lib/" + library
    write_json(target, content)


def place_drivers(root, target, drivers):
    """lib/ and icd.d/ of `target`; `drivers`: 'lvp' and 'virtio'."""
    libraries = [f"libvulkan_{d}.so" for d in drivers]
    copy_libraries(root, os.path.join(target, "lib"), libraries + ["libVkLayer_khronos_validation.so"])
    for driver, library in zip(drivers, libraries):
        icd = only(root, f"usr/share/vulkan/icd.d/{driver}_icd*.json")
        copy_manifest(icd, "ICD", os.path.join(target, f"icd.d/{driver}_icd.json"), library)
    find_beside(root, [os.path.join(target, "lib", n) for n in libraries], "$ORIGIN")


def place_tools(root, target):
    os.makedirs(os.path.join(target, "bin"))
    programs = [os.path.join(target, "bin", n) for n in ("vulkaninfo", "vkcube", "glslangValidator")]
    for program in programs:
        shutil.copy2(only(root, "usr/bin/" + os.path.basename(program)), program)
    layer = "libVkLayer_khronos_validation.so"
    manifest = only(root, "usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json")
    copy_manifest(manifest, "layer", os.path.join(target, "layers.d/VkLayer_khronos_validation.json"), layer)
    find_beside(root, programs, "$ORIGIN/../lib")
    find_beside(root, [os.path.join(target, "lib", layer)], "$ORIGIN")


def bring_mesa(build, root, target):
    codename = release_codename()
    if codename not in SUITES:
        raise SetupError(f"this is Debian '{codename}'; Mesa's Venus driver is known to be in Debian 12's backports and in 13")
    apt = RootApt(os.path.join(build, "apt-vulkan"), SUITES[codename])
    names = apt.unpack(["mesa-vulkan-drivers", "patchelf"] + TOOLS, root)
    place_drivers(root, target, ["lvp", "virtio"])
    place_tools(root, target)
    return names


def bring_mesa22(build, root, target):
    apt = RootApt(os.path.join(build, "apt-vulkan22"), ["bookworm"])
    names = apt.unpack(["mesa-vulkan-drivers", "patchelf"], root)
    place_drivers(root, target, ["lvp"])
    return names


BRING = {"mesa": bring_mesa, "mesa22": bring_mesa22}


def is_present(build, name):
    try:
        with open(os.path.join(build, "deps", name, "recipe"), encoding="utf-8") as f:
            return f.read() == RECIPE
    except OSError:
        return False


def bring(build, name):
    target = os.path.join(build, "deps", name)
    root, fresh = make_empty(target + ".root"), make_empty(target + ".new")
    names = BRING[name](build, root, fresh)
    for file, text in (("version", "\n".join(names) + "\n"), ("recipe", RECIPE)):
        with open(os.path.join(fresh, file), "w", encoding="utf-8") as f:
            f.write(text)
    shutil.rmtree(target, ignore_errors=True)
    os.rename(fresh, target)
    shutil.rmtree(root)
    driver = [n for n in names if n.startswith("mesa-vulkan-drivers")]
    print(f"setup: {name} ready ({', '.join(driver)} and {len(names) - 1} more, unpacked)", file=sys.stderr, flush=True)


def ensure(build, names=("mesa",)):
    """Brings what is missing of `names`; silent and quick when all is there.  Raises SetupError."""
    build = os.path.abspath(build)
    if all(is_present(build, n) for n in names):
        return
    os.makedirs(os.path.join(build, "deps"), exist_ok=True)
    lock = os.open(os.path.join(build, "deps/.vulkan.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # suites that run side by side ask for the same
        for name in [n for n in names if not is_present(build, n)]:
            print(f"setup: fetching {name} and what it needs (70 MB or so) into {build}/deps", file=sys.stderr, flush=True)
            bring(build, name)
    finally:
        os.close(lock)


def paths(build):
    """name -> absolute path, for the names of WHERE whose file is there."""
    found = {name: os.path.join(os.path.abspath(build), "deps", where) for name, where in WHERE.items()}
    return {name: path for name, path in found.items() if os.path.exists(path)}


def driver_environment(icd):
    """What makes a Vulkan loader see this driver only, whatever its age."""
    return {"VK_DRIVER_FILES": icd, "VK_ICD_FILENAMES": icd}


def main(argv):
    if len(argv) < 2 or argv[1].startswith("-"):
        print(__doc__.strip())
        return 0 if argv[1:] in (["-h"], ["--help"]) else 2
    names = argv[2:] or ["mesa"]
    unknown = [n for n in names if n not in BRING]
    if unknown:
        raise SetupError(f"unknown name {unknown[0]}; known: {', '.join(sorted(BRING))}")
    ensure(argv[1], names)
    for name, path in paths(argv[1]).items():
        print(f"{name} {path}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv))
    except SetupError as e:
        print(f"setup: {e}", file=sys.stderr)
        sys.exit(3)
