"""What machine QEMU is asked to be, from a handful of choices that ./run and the tests share."""

import dataclasses
import os
import secrets

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IMAGE = os.path.join(TOP, "build/aarch64/Image")
SCRATCH_DISK_BYTES = 16 << 20


@dataclasses.dataclass
class Machine:
    """One virtual machine; the defaults are those of ./run."""

    image: str = IMAGE
    smp: int = 1
    memory_mib: int = 512
    gic: int = 3
    el2: bool = False
    bus: str = "mmio"
    mmio: int = 2
    rings: str = "split"
    gpu: bool = True
    gpu_socket: str = ""  # of our own device process; empty: QEMU's device
    input_socket: str = ""  # one more QMP socket, for the keys and pointer of our device's view
    gpu_driver: str = "queued"
    display: str = "none"
    exec_commands: str = ""
    hold: bool = False
    bootargs: str = ""
    no_reboot: bool = True
    pause_at_shutdown: bool = False
    netdev: str = "user"
    extra: tuple = ()
    qemu: str = "qemu-system-aarch64"
    token: str = dataclasses.field(default_factory=lambda: secrets.token_hex(8))

    @property
    def mark(self):
        """What the guest's kernel ends the lines with that the host may believe; nothing else that it prints can know it."""
        return f" token={self.token}"

    @property
    def exec_end(self):
        """
        The pattern of the end of the commands; group 1 is the number of those that failed, None in a panic.  Without `^`:
        a command may have left its last line open.
        """
        return rf"vitrine: exec done status=(\d+){self.mark}\n|PANIC: end, .*{self.mark}\n"

    def append_line(self):
        """The kernel's command line; vitrine.exec= is last because it takes the rest of the line."""
        words = [f"vitrine.gpu={self.gpu_driver}", f"vitrine.rings={self.rings}"]
        if self.hold:
            words.append("vitrine.hold=1")
        if self.bootargs:
            words.append(self.bootargs)
        if self.exec_commands:
            words.append(f"vitrine.token={self.token}")
            words.append(f"vitrine.exec={self.exec_commands}")
        return " ".join(words)

    def qemu_command(self, run_dir, serial):
        """The whole command line; `run_dir` is a private directory for sockets and the scratch disk."""
        disk = os.path.join(run_dir, "disk.img")
        board = f"virt,gic-version={self.gic}" + (",virtualization=on" if self.el2 else "")
        memory = f"{self.memory_mib}M"
        if self.gpu_socket:
            board += ",memory-backend=ram"  # which our device process maps
        words = [self.qemu, "-M", board, "-cpu", "cortex-a72", "-smp", str(self.smp), "-m", memory]
        if self.gpu_socket:
            words += ["-object", f"memory-backend-memfd,id=ram,size={memory},share=on"]
            words += ["-chardev", f"socket,id=gpu,path={self.gpu_socket}"]
        words += ["-accel", "tcg", "-nodefaults", "-display", qemu_display(self.display), "-serial", serial]
        words += ["-kernel", self.image, "-append", self.append_line()]
        words += ["-qmp", f"unix:{run_dir}/qmp,server=on,wait=off"]
        words += ["-qmp", f"unix:{self.input_socket},server=on,wait=off"] if self.input_socket else []
        words += ["-no-reboot"] if self.no_reboot else []
        words += ["-action", "shutdown=pause"] if self.pause_at_shutdown else []
        words += ["-global", f"virtio-mmio.force-legacy={'true' if self.mmio == 1 else 'false'}"]
        words += ["-netdev", f"{self.netdev},id=net0", "-drive", f"if=none,id=disk0,format=raw,file={disk}"]
        for device in self.devices():
            words += ["-device", device]
        return words + list(self.extra)

    def devices(self):
        """The virtio devices, in QEMU's words."""
        suffix = "pci" if self.bus == "pci" else "device"
        packed = ",packed=on" if self.rings == "packed" else ""
        # No boot program of QEMU's for the network: a guest without firmware has no use for its file.
        rom = ",romfile=" if self.bus == "pci" else ""
        return self.gpu_devices(suffix, packed) + [
            f"virtio-net-{suffix},id=nic0,netdev=net0{packed}{rom}",
            f"virtio-blk-{suffix},id=blk0,drive=disk0,serial=vitrine-scratch{packed}",
            f"virtio-keyboard-{suffix},id=kbd0{packed}", f"virtio-tablet-{suffix},id=tablet0{packed}",
        ]

    def gpu_devices(self, suffix, packed):
        if not self.gpu:
            return []
        if self.gpu_socket:
            return [f"vhost-user-test-device-pci,id=gpu0,chardev=gpu,virtio-id=16,num_vqs=2,config_size=16,vq_size=256{packed}"]
        return [f"virtio-gpu-{suffix},id=gpu0,xres=1280,yres=800{packed}"]


def qemu_display(display):
    """--display of ./run in QEMU's words."""
    return {"window": "gtk", "vnc": "vnc=127.0.0.1:0,to=99", "none": "none"}[display]


def make_scratch_disk(path):
    """A small sparse disk with a text in its first sector, so that a read shows something."""
    with open(path, "wb") as f:
        f.write(b"Vitrine scratch disk, sector 0\n")
        f.truncate(SCRATCH_DISK_BYTES)
