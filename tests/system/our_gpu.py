"""Our kernel whose GPU is our own device process, by either of QEMU's front-ends: for the doctor and for joined traces."""

import contextlib
import dataclasses
import os
import subprocess
import tempfile

from vitrine_run.guest import Guest, end_process
from vitrine_run.machine import Machine

from .cases import newest_qemu
from .venus_front import _build_lock, _built
from .venus_server import REAL, wait_until


PLAIN = "vhost-user-gpu"  # with QEMU's own displays, 2D
VULKAN = "vhost-user-test-device-pci,virtio-id=16,num_vqs=2,config_size=16,vq_size=256"


@dataclasses.dataclass
class OurGpuMachine(Machine):
    """The machine of ./run, but its GPU is who listens on `socket`; that needs memory which both can map."""

    socket: str = ""
    front: str = PLAIN

    def qemu_command(self, run_dir, serial):
        words = super().qemu_command(run_dir, serial)
        words[words.index("-M") + 1] += ",memory-backend=ram"
        gpu = next(i for i, word in enumerate(words) if word.startswith("virtio-gpu-device,id=gpu0,"))
        words[gpu] = f"{self.front},chardev=gpu,id=gpu0"
        words += ["-object", f"memory-backend-memfd,id=ram,size={self.memory_mib}M,share=on"]
        return words + ["-chardev", f"socket,id=gpu,path={self.socket}"]


class OurGpu:
    """A running vitrine-gpu --vhost-user; in a `with` block."""

    def __init__(self, *options, host_driver=None):
        with _build_lock:
            _built("programs")
        self._where = tempfile.TemporaryDirectory(prefix="vitrine-test-")
        self.socket, self.control, self.records = (os.path.join(self._where.name, name) for name in ("gpu", "control", "records"))
        renderer = ("--host-driver", host_driver) if host_driver else ("--no-venus",)
        command = [os.path.join(REAL, "vitrine-gpu"), "--vhost-user", self.socket, "--control", self.control]
        self.process = subprocess.Popen([*command, "--trace-records", self.records, *renderer, *options], stderr=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(self.control) and os.path.exists(self.socket), "vitrine-gpu listens")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.end()
        self._where.cleanup()

    def end(self):
        """What it recorded is in the file afterwards."""
        end_process(self.process)


@contextlib.contextmanager
def boot_with_our_gpu(gpu, **choices):
    with Guest(OurGpuMachine(socket=gpu.socket, qemu=newest_qemu(), **choices)) as guest:
        yield guest
