"""The peers as machines: Linux and EDK2 on the very QEMU, board and devices that ./run gives to our own kernel."""

import contextlib
import dataclasses
import os
import socket
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))
from vitrine_run.machine import Machine  # noqa: E402

PEERS = os.path.join(TOP, "build", "peers")
TRACED = ("virtio_gpu*", "virtio_set_status")


class PeerMissing(Exception):
    """A peer has not been fetched; the message says how to fetch it."""


def require(name):
    """The directory of a peer that tools/peers/fetch_peers.py brought."""
    path = os.path.join(PEERS, name)
    if not os.path.exists(os.path.join(path, "version")):
        raise PeerMissing(f"peer '{name}' is not here; 'tools/peers/fetch_peers.py build {name}' brings it")
    return path


def fetch(*names):
    """Brings peers now; PeerMissing with the reason when that fails."""
    command = [sys.executable, os.path.join(TOP, "tools/peers/fetch_peers.py"), os.path.join(TOP, "build"), *names]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        lines = done.stdout.strip().splitlines()
        errors = [line for line in lines if line.startswith("E: ")] or lines[-1:]
        raise PeerMissing(f"peers {', '.join(names)} cannot be fetched: {errors[0] if errors else 'no reason given'}")


def trace_words(path):
    """QEMU's options that write each GPU command and status change, with its time, to a file."""
    events = [word for event in TRACED for word in ("-trace", event)]
    return tuple(events + ["-msg", "timestamp=on", "-D", path])


@dataclasses.dataclass
class LinuxMachine(Machine):
    """Debian's kernel and tools/peers/guest/linux_init.c; `jobs` is its list of figures, NAME:SECONDS,..."""

    jobs: str = ""

    def append_line(self):
        return f"console=ttyAMA0 quiet panic=-1 bench={self.jobs}"

    def qemu_command(self, run_dir, serial):
        peer = require("linux")
        words = super().qemu_command(run_dir, serial)
        words[words.index("-kernel") + 1] = os.path.join(peer, "vmlinuz")
        return words + ["-initrd", os.path.join(peer, "initramfs.cpio")]


@dataclasses.dataclass
class EfiMachine(Machine):
    """
    EDK2 as Debian builds it. On virtio-mmio its VirtioGpuDxe sets a mode and flushes it, but the platform makes no console
    of it; on PCI (`gpu_bus`) the logo and the console are drawn.
    """

    gpu_bus: str = "device"

    def qemu_command(self, run_dir, serial):
        words = super().qemu_command(run_dir, serial)
        at = words.index("-kernel")
        words[at : at + 4] = ["-bios", os.path.join(require("efi"), "QEMU_EFI.fd")]
        return [w.replace("virtio-gpu-device,", f"virtio-gpu-{self.gpu_bus},") for w in words]


def with_cable(machine_type):
    """The same machine with a network cable to net_peer instead of QEMU's own network."""

    @dataclasses.dataclass
    class Cabled(machine_type):
        cable: str = ""

        def qemu_command(self, run_dir, serial):
            words = super().qemu_command(run_dir, serial)
            words[words.index("user,id=net0")] = f"{self.cable},id=net0"
            return words

    return Cabled


def _free_ports(count):
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def built(name):
    """A program of tests/perf, compiled when it is not there or stale."""
    target, source = os.path.join(PEERS, name), os.path.join(TOP, "tests/perf", name + ".c")
    if not os.path.exists(target) or os.path.getmtime(target) < os.path.getmtime(source):
        os.makedirs(PEERS, exist_ok=True)
        flags = ["-O2", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", f"-I{TOP}"]
        subprocess.run(["gcc", *flags, "-o", target, source], check=True)
    return target


@contextlib.contextmanager
def net_peer_ports():
    """Runs the host's end of a cable; gives its port and the one for the other end."""
    own, other = _free_ports(2)
    program = subprocess.Popen([built("net_peer"), str(own), str(other)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        program.stdout.readline()
        yield own, other
    finally:
        program.stdin.close()
        program.wait(timeout=5)
        program.stdout.close()


@contextlib.contextmanager
def net_peer():
    """The same; gives the -netdev words (without an id) of the guest's end."""
    with net_peer_ports() as (own, qemu):
        yield (
            f"dgram,local.type=inet,local.host=127.0.0.1,local.port={qemu},"
            f"remote.type=inet,remote.host=127.0.0.1,remote.port={own}"
        )
