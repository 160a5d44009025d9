#!/usr/bin/env python3
"""Runs Vulkan programs in a Linux guest of stock QEMU, whose guests' Vulkan a render server of ours or the peer's renders.

usage: venus_qemu.py BUILD_DIR ours|peer [--qemu NAME] [--timeout SECONDS] [--options WORDS] -- PROGRAM ARGS...

  PROGRAM is a path in the guest, where /programs is BUILD_DIR/vulkan/bin and /usr is Debian 13's (tools/peers/roots.py);
  a word ';' ends one program, and another follows.  --options: for our render server.
  --qemu: backports (QEMU 11, the default) or release (QEMU 10.0, whose unmapping of memory can hang under TCG).

Everything is Debian 13's: QEMU with its virtio-gpu-gl and libvirglrenderer, the guest's kernel and busybox, Mesa's Venus
driver in the guest.  Nothing is installed and no root is needed: packages are unpacked into BUILD_DIR/venus-guest.  No X
server, no GPU and no KVM either; the guest's processor is emulated (TCG), so that a run takes from 10 seconds upwards.
Exit status: 0 every program's was 0; 1 one's was not; 124 the guest was still running at the deadline; 3 set-up failed.
"""

import argparse
import fcntl
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(TOP, "tools", "setup"))
import initramfs  # noqa: E402
import roots  # noqa: E402
import venus_peer  # noqa: E402
import vulkan  # noqa: E402
from apt_private import SetupError  # noqa: E402
from private_root import RootApt, make_empty, only, unpack_deb  # noqa: E402

RECIPE = "1\n"  # another one brings everything anew

RELEASE = "trixie"
QEMUS = {"backports": [RELEASE + "-backports", RELEASE], "release": [RELEASE]}  # the preferred suite first
# libepoxy finds the GL libraries at run time only, so that nothing depends on them.
QEMU_PACKAGES = ["qemu-system-x86", "qemu-system-modules-opengl", "qemu-system-gui", "libegl1", "libgles2", "libgl1"]
MODULES = ("9pnet_virtio", "9p", "virtio-gpu")
INIT = os.path.join(HERE, "guest", "venus_init")

SCRIPT = """\
#!/bin/sh
# QEMU with the C library and the data of its own release; made by tools/peers/venus_qemu.py.
here=$(cd "$(dirname "$0")" && pwd)
lib="$here/root/{libraries}"
export QEMU_MODULE_DIR="$lib/qemu" __EGL_VENDOR_LIBRARY_DIRS="$here/root/usr/share/glvnd/egl_vendor.d"
exec "$here/root/{loader}" --library-path "$lib:$lib/pulseaudio" "$here/root/usr/bin/qemu-system-x86_64" \\
    -L "$here/root/usr/share/qemu" -L "$here/root/usr/share/seabios" "$@"
"""

# QEMU insists on a display with GL for virtio-gpu-gl, though Venus needs none of it; this one needs no X server.
DISPLAY = {"SDL_VIDEODRIVER": "offscreen", "EGL_PLATFORM": "surfaceless", "LIBGL_ALWAYS_SOFTWARE": "1"}
GL_DEVICE = ["-device", "virtio-gpu-gl,hostmem=4G,blob=on,venus=on", "-display", "sdl,gl=on"]
MACHINE = ["-machine", "q35,memory-backend=ram", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2G",
           "-object", "memory-backend-memfd,id=ram,size=2G,share=on", "-nodefaults", "-no-reboot", "-vga", "none"]


def bring_qemu(build, name, target):
    root = os.path.join(target, "root")
    RootApt(os.path.join(build, "apt-guest", name), QEMUS[name]).unpack(QEMU_PACKAGES, root)
    for unused in ("usr/share/doc", "usr/share/locale", "usr/share/icons", "usr/share/man"):
        shutil.rmtree(os.path.join(root, unused), ignore_errors=True)
    loader = os.path.relpath(only(root, "usr/lib*/ld-linux-*.so.*"), root)
    libraries = os.path.dirname(os.path.relpath(only(root, "usr/lib/*/libc.so.6"), root))
    roots.write_script(os.path.join(target, "qemu-system-x86_64"), SCRIPT.format(loader=loader, libraries=libraries))


def bring_kernel(build, target):
    """vmlinuz, modules/ and busybox, out of packages of which nothing else is kept."""
    apt = RootApt(os.path.join(build, "apt-guest", "kernel"), [RELEASE])
    image = re.findall(r"^ +Depends: (linux-image-\S+)", apt.call(["depends", "linux-image-amd64"], tool="apt-cache"), re.M)
    if not image:
        raise SetupError(f"linux-image-amd64 of suite {RELEASE} names no kernel image")
    work = make_empty(os.path.join(target, "unpacked"))
    apt.call(["download", image[0], "busybox-static"], cwd=work)
    for deb in sorted(f for f in os.listdir(work) if f.endswith(".deb")):
        unpack_deb(os.path.join(work, deb), work)
    os.rename(only(work, "boot/vmlinuz-*"), os.path.join(target, "vmlinuz"))
    os.rename(only(work, "usr/bin/busybox"), os.path.join(target, "busybox"))
    initramfs.copy_modules(only(work, "usr/lib/modules/*"), MODULES, os.path.join(target, "modules"))
    shutil.rmtree(work)


def place(build, name):
    """Where a part of it is: 'kernel', or a QEMU."""
    return os.path.join(os.path.abspath(build), "venus-guest", name)


def is_present(build, name):
    try:
        with open(os.path.join(place(build, name), "recipe"), encoding="utf-8") as f:
            return f.read() == RECIPE
    except OSError:
        return False


def bring(build, name):
    """Brings a part as a whole: what is there is complete."""
    target = place(build, name)
    print(f"peers: fetching {name} (150 MB or so) into {target}", file=sys.stderr, flush=True)
    fresh = make_empty(target + ".new")
    if name == "kernel":
        bring_kernel(os.path.abspath(build), fresh)
    else:
        bring_qemu(os.path.abspath(build), name, fresh)
    with open(os.path.join(fresh, "recipe"), "w", encoding="utf-8") as f:
        f.write(RECIPE)
    shutil.rmtree(target, ignore_errors=True)
    os.rename(fresh, target)
    print(f"peers: {name} is ready", file=sys.stderr, flush=True)


def make_initramfs(where):
    """The guest's first file system; anew when the init script has changed."""
    path = os.path.join(where, "initramfs.cpio")
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(INIT):
        data = initramfs.archive(INIT, os.path.join(where, "modules"), {"busybox": os.path.join(where, "busybox")})
        with open(path + ".new", "wb") as f:
            f.write(data)
        os.rename(path + ".new", path)


def ensure(build, qemu="backports"):
    """Brings what is missing; silent and quick when nothing is.  Raises SetupError."""
    vulkan.ensure(build)
    roots.ensure(build, RELEASE)
    os.makedirs(os.path.join(build, "venus-guest"), exist_ok=True)
    lock = os.open(os.path.join(build, "venus-guest/.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # suites that run side by side ask for the same
        for name in ("kernel", qemu):
            if not is_present(build, name):
                bring(build, name)
        make_initramfs(place(build, "kernel"))
    finally:
        os.close(lock)


def render_server(build, name):
    if name == "ours":
        return os.path.join(os.path.abspath(build), "bin/vitrine-render")
    return os.path.join(roots.place(build, RELEASE), "bin/virgl_render_server")


def job_text(programs, each_s):
    """The guest's job: `programs` (name -> words), each with a deadline of its own, as lines for its shell."""
    lines = []
    for name, words in programs.items():
        lines += [f"say {name} begins", f"timeout -s KILL {each_s} {shlex.join(words)}", f"say {name} status $?"]
    return "\n".join(lines) + "\n"


class Outcome:
    """What became of a guest: `serial` is what it printed, `log` what QEMU and the render server said."""

    def __init__(self, serial, log):
        self.serial, self.log = serial.replace("\r", ""), log

    def status(self, name):
        """The exit status of a program, or None when it never ended."""
        found = re.search(rf"^guest: {re.escape(name)} status (\d+)$", self.serial, re.M)
        return int(found.group(1)) if found else None

    def output(self, name):
        """What a program printed."""
        found = re.search(rf"^guest: {re.escape(name)} begins\n(.*?)^guest: {re.escape(name)} status", self.serial, re.M | re.S)
        return found.group(1) if found else ""


def shares(build, job):
    places = {"release": os.path.join(roots.place(build, RELEASE), "root"),
              "programs": os.path.join(os.path.abspath(build), "vulkan/bin"), "job": job}
    return [word for tag, path in places.items()
            for word in ("-virtfs", f"local,path={path},security_model=none,mount_tag={tag},readonly=on")]


def qemu_words(build, qemu, job, device):
    kernel = place(build, "kernel")
    return [os.path.join(place(build, qemu), "qemu-system-x86_64"), *MACHINE, *device, *shares(build, job),
            "-serial", "file:" + os.path.join(job, "serial"), "-kernel", os.path.join(kernel, "vmlinuz"),
            "-initrd", os.path.join(kernel, "initramfs.cpio"), "-append", "console=ttyS0 quiet panic=-1"]


def read_serial(job):
    try:
        with open(os.path.join(job, "serial"), encoding="utf-8", errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def run(build, server, programs, timeout_s, options="", qemu="backports", added=None):
    """
    Boots the guest, runs `programs` (name -> words) in it one after the other, and gives the Outcome.  `server`: the program
    that QEMU starts as its render server; `options`: for vitrine-render; `added`: to QEMU's environment.  Raises
    venus_peer.TimedOut and SetupError.
    """
    ensure(build, qemu)
    if not os.access(server, os.X_OK):
        raise SetupError(f"there is no {server}; 'make programs vulkan-tests' makes ours and the programs")
    env = dict(os.environ, **DISPLAY, **vulkan.driver_environment(vulkan.paths(build)["lavapipe_icd"]),
               RENDER_SERVER_EXEC_PATH=os.path.abspath(server), VITRINE_RENDER_OPTIONS=options, **(added or {}))
    with tempfile.TemporaryDirectory(prefix="vitrine-guest-") as job:
        with open(os.path.join(job, "job"), "w", encoding="utf-8") as f:
            f.write(job_text(programs, int(timeout_s)))
        try:
            log = venus_peer.run_client(qemu_words(build, qemu, job, GL_DEVICE), env, timeout_s).stdout
        except venus_peer.TimedOut as e:
            raise venus_peer.TimedOut(str(e), f"{read_serial(job)}\n{e.output}") from None
        return Outcome(read_serial(job), log)


def split_programs(words):
    """['a', 'x', ';', 'b'] as {'1': ['a', 'x'], '2': ['b']}."""
    programs = [[]]
    for word in words:
        if word == ";":
            programs.append([])
        else:
            programs[-1].append(word)
    return {str(i + 1): words for i, words in enumerate(p for p in programs if p)}


def main(argv):
    parser = argparse.ArgumentParser(prog="venus_qemu.py", allow_abbrev=False, description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("server", choices=["ours", "peer"])
    parser.add_argument("--qemu", choices=sorted(QEMUS), default="backports")
    parser.add_argument("--timeout", type=float, default=180, metavar="SECONDS")
    parser.add_argument("--options", default="--verbose --stats", metavar="WORDS", help="for our render server")
    parser.add_argument("program", nargs="+", metavar="-- PROGRAM")
    options = parser.parse_args(argv)
    programs = split_programs(options.program)
    try:
        outcome = run(options.build, render_server(options.build, options.server), programs, options.timeout, options.options,
                      options.qemu)
    except venus_peer.TimedOut as e:
        print(f"{e.output}\nvenus_qemu.py: {e}", file=sys.stderr)
        return 124
    print(outcome.serial, end="")
    print(outcome.log, end="", file=sys.stderr)
    return 0 if all(outcome.status(name) == 0 for name in programs) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: QEMU goes with us
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as e:
        print(f"peers: {e}", file=sys.stderr)
        sys.exit(3)
    except KeyboardInterrupt:
        sys.exit(130)
