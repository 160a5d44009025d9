#!/usr/bin/env python3
"""Brings the peers that figures and traces are compared with, and the provers, into build/peers: on demand only.

usage: fetch_peers.py BUILD_DIR [NAME ...]       (names: linux efi spin cbmc; default: all that are missing)

  linux   Debian 12's arm64 kernel and an initramfs made here (tools/peers/guest and the modules it needs)
  efi     EDK2 for QEMU's AArch64 'virt' machine, with its VirtioGpuDxe
  spin    the model checker of tests/model
  cbmc    the bounded model checker of tests/proof, from Debian 13, with the C library it is linked with

Nothing is installed: packages are downloaded by a private apt (tools/setup/apt_private.py), which checks the archive's
signatures, and are unpacked below BUILD_DIR/peers.  Exit status: 0 all is there; 3 something could not be brought.
"""

import fcntl
import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tools", "setup"))
sys.path.insert(0, HERE)
import initramfs  # noqa: E402
from apt_private import PrivateApt, SetupError  # noqa: E402

LINUX_MODULES = ("virtio_mmio", "virtio-gpu", "virtio_net", "af_packet")


class ForeignApt(PrivateApt):
    """The private apt for one architecture, which needs not be this machine's; it believes that nothing is installed."""

    def __init__(self, build, suite, arch):
        super().__init__(os.path.join(build, "apt-" + arch), suite, "deb")
        self.arch = arch
        self.status = os.path.join(self.base, "status")
        with open(self.status, "w", encoding="utf-8"):
            pass
        self.call(["-o", "APT::Update::Error-Mode=any", "update"])  # without lists nothing later would say why

    def _command(self, tool, args):
        words = {"APT::Architecture": self.arch, "APT::Architectures": self.arch, "Dir::State::status": self.status}
        flags = [word for key, value in words.items() for word in ("-o", f"{key}={value}")]
        whole = super()._command(tool, args)
        return whole[:1] + flags + whole[1:]

    def depends(self, package):
        """The first alternatives that `package` depends on."""
        text = self.call(["depends", package], tool="apt-cache")
        return re.findall(r"^ +Depends: (\S+)", text, re.M)

    def unpack(self, packages, target):
        """Downloads `packages` and unpacks them, one over the other, into `target`."""
        work = target + ".debs"
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        os.makedirs(target, exist_ok=True)
        self.call(["download"] + packages, cwd=work)
        for deb in sorted(glob.glob(os.path.join(work, "*.deb"))):
            subprocess.run(["dpkg-deb", "-x", deb, target], check=True)
        names = [os.path.basename(d) for d in sorted(glob.glob(os.path.join(work, "*.deb")))]
        shutil.rmtree(work)
        return names


def only(pattern):
    found = sorted(glob.glob(pattern))
    if not found:
        raise SetupError(f"the package holds no {pattern}")
    return found[0]


def write_text(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def bring_linux(build, target):
    """Kernel, modules and a C library to link the init with; leaves vmlinuz, modules/, sysroot/ and version."""
    apt = ForeignApt(build, "bookworm", "arm64")
    image = [p for p in apt.depends("linux-image-arm64") if p.startswith("linux-image-")]
    if not image:
        raise SetupError("linux-image-arm64 of suite bookworm names no kernel image")
    root = os.path.join(target, "root")
    names = apt.unpack(image[:1], root)
    names += apt.unpack(["libc6-dev", "linux-libc-dev", "libdrm-dev"], os.path.join(target, "sysroot"))
    os.rename(only(os.path.join(root, "boot/vmlinuz-*")), os.path.join(target, "vmlinuz"))
    modules = only(os.path.join(root, "lib/modules/*"))
    initramfs.copy_modules(modules, LINUX_MODULES, os.path.join(target, "modules"))
    shutil.rmtree(root)
    return names


def bring_efi(build, target):
    root = os.path.join(target, "root")
    names = ForeignApt(build, "bookworm", "arm64").unpack(["qemu-efi-aarch64"], root)
    os.rename(os.path.join(root, "usr/share/qemu-efi-aarch64/QEMU_EFI.fd"), os.path.join(target, "QEMU_EFI.fd"))
    shutil.rmtree(root)
    return names


def bring_spin(build, target):
    return ForeignApt(build, "bookworm", "amd64").unpack(["spin"], target)


def bring_cbmc(build, target):
    """CBMC runs with the loader and the C library of its own release, so that no chroot is needed."""
    names = ForeignApt(build, "trixie", "amd64").unpack(["cbmc", "minisat", "zlib1g", "libc6", "libstdc++6", "libgcc-s1"], target)
    loader = only(os.path.join(target, "usr/lib*/ld-linux-x86-64.so.2"))
    script = os.path.join(target, "cbmc")
    write_text(
        script,
        "#!/bin/sh\n"
        'here=$(cd "$(dirname "$0")" && pwd)\n'
        f'exec "$here/{os.path.relpath(loader, target)}" --library-path "$here/usr/lib/x86_64-linux-gnu:$here/usr/lib" '
        '"$here/usr/bin/cbmc" "$@"\n',
    )
    os.chmod(script, 0o755)
    return names


BRING = {"linux": bring_linux, "efi": bring_efi, "spin": bring_spin, "cbmc": bring_cbmc}


def is_present(build, name):
    return os.path.exists(os.path.join(build, "peers", name, "version"))


def bring(build, name):
    target = os.path.join(build, "peers", name)
    fresh = target + ".new"
    for path in (fresh, target):
        shutil.rmtree(path, ignore_errors=True)
    os.makedirs(fresh)
    names = BRING[name](build, fresh)
    write_text(os.path.join(fresh, "version"), "\n".join(names) + "\n")
    os.rename(fresh, target)
    print(f"peers: {name} ready ({', '.join(names)})", flush=True)


def main(argv):
    if len(argv) < 2 or argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 2
    build = os.path.abspath(argv[1])
    wanted = argv[2:] or sorted(BRING)
    unknown = [n for n in wanted if n not in BRING]
    if unknown:
        raise SetupError(f"unknown name {unknown[0]}; known: {', '.join(sorted(BRING))}")
    os.makedirs(os.path.join(build, "peers"), exist_ok=True)
    lock = os.open(os.path.join(build, "peers", ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX)  # suites that run side by side ask for the same; freed at our end
    missing = [n for n in wanted if not is_present(build, n)]
    if missing:
        print(f"peers: fetching {', '.join(missing)} from the distribution's archive into {build}/peers", flush=True)
    for name in missing:
        bring(build, name)
    if "linux" in wanted:
        sources = sorted(glob.glob(os.path.join(HERE, "guest", "*.c")))
        headers = glob.glob(os.path.join(HERE, "guest", "*.h")) + [os.path.join(TOP, "tests", "perf", "net_peer_protocol.h")]
        initramfs.make(os.path.join(build, "peers", "linux"), TOP, sources, headers)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv))
    except SetupError as e:
        print(f"peers: {e}", file=sys.stderr)
        sys.exit(3)
