"""The Linux peer's initramfs: one static init, and the few modules it loads, in the order in which they need each other."""

import lzma
import os
import re
import subprocess

from apt_private import SetupError

CC = os.environ.get("CROSS_AARCH64", "aarch64-linux-gnu-") + "gcc"


def _plain_name(path):
    return re.sub(r"\.ko(\.xz)?$", "", os.path.basename(path)).replace("-", "_")


def _builtin(modules_dir):
    with open(os.path.join(modules_dir, "modules.builtin"), encoding="utf-8") as f:
        return {_plain_name(line.strip()) for line in f}


def _module_files(modules_dir):
    return {
        _plain_name(name): os.path.join(folder, name)
        for folder, _, names in os.walk(os.path.join(modules_dir, "kernel"))
        for name in names
        if re.search(r"\.ko(\.xz)?$", name)
    }


def _read_module(path):
    with open(path, "rb") as f:
        data = f.read()
    return lzma.decompress(data) if path.endswith(".xz") else data


def _needs(data):
    """What a module says that it depends on, in its .modinfo section (the package comes without modules.dep)."""
    found = re.search(rb"\0depends=([^\0]*)\0", data)
    return [n.replace("-", "_") for n in found.group(1).decode().split(",") if n] if found else []


def _add_in_load_order(name, files, built_in, loaded):
    """Adds to `loaded` (name -> bytes, ordered) what `name` needs, and then `name`."""
    if name in built_in or name in loaded:
        return
    if name not in files:
        raise SetupError(f"the Linux peer's kernel has no module {name}")
    data = _read_module(files[name])
    for other in _needs(data):
        _add_in_load_order(other, files, built_in, loaded)
    loaded[name] = data


def copy_modules(modules_dir, wanted, target):
    """Unpacks `wanted` and what they need into `target`, numbered in load order."""
    files, built_in, loaded = _module_files(modules_dir), _builtin(modules_dir), {}
    for name in wanted:
        _add_in_load_order(name.replace("-", "_"), files, built_in, loaded)
    os.makedirs(target)
    for i, (name, data) in enumerate(loaded.items()):
        with open(os.path.join(target, f"{i:02d}-{name}.ko"), "wb") as f:
            f.write(data)


def _pad4(data):
    return data + b"\0" * (-len(data) % 4)


def _cpio_entry(name, mode, data=b"", rdev=(0, 0)):
    """One member of a 'newc' archive, as the kernel's initramfs reader wants it."""
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % v for v in fields)
    return _pad4(head + name.encode() + b"\0") + _pad4(data)


def archive(init, modules, programs=None):
    """The bytes of an archive: the file `init`, what is in the directory `modules`, and `programs` (name -> file) in bin/."""
    parts = [_cpio_entry(d, 0o040755) for d in ("bin", "dev", "proc", "sys", "modules")]
    parts.append(_cpio_entry("dev/console", 0o020600, rdev=(5, 1)))
    for name in sorted(os.listdir(modules)):
        with open(os.path.join(modules, name), "rb") as f:
            parts.append(_cpio_entry("modules/" + name, 0o100644, f.read()))
    for name, path in {"init": init, **{"bin/" + n: p for n, p in (programs or {}).items()}}.items():
        with open(path, "rb") as f:
            parts.append(_cpio_entry(name, 0o100755, f.read()))
    return b"".join(parts + [_cpio_entry("TRAILER!!!", 0)])


def _is_newer(target, sources):
    return os.path.exists(target) and all(os.path.getmtime(target) > os.path.getmtime(s) for s in sources)


def make(peer, top, sources, headers):
    """peer/initramfs.cpio out of the C `sources`, which include relative to `top`, and peer/modules; quick when done."""
    target, init, sysroot = (os.path.join(peer, n) for n in ("initramfs.cpio", "init", "sysroot"))
    if _is_newer(target, sources + headers):
        return
    drm = os.path.join(sysroot, "usr/include/libdrm")
    flags = ["-O2", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-static", f"--sysroot={sysroot}", f"-I{top}"]
    done = subprocess.run(
        [CC] + flags + ["-isystem", drm, "-o", init] + sources, text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise SetupError(f"the Linux peer's init does not compile:\n{done.stderr}")
    with open(target, "wb") as f:
        f.write(archive(init, os.path.join(peer, "modules")))
    print(f"peers: {target} made", flush=True)
