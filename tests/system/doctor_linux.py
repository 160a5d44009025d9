"""vitrine doctor on QEMU's own virtio-gpu with Debian's Linux in the guest: what another driver leaves in memory is understood too.

conformance: S0-19
"""

import dataclasses
import os
import sys

from vitrine_run.guest import Guest
from vitrine_run.machine import Machine
from vitrine_test.suite import TOP, Skipped

from .cases import check, system
from .doctor import causes, examine, expect_cause, qmp_of

sys.path.insert(0, os.path.join(TOP, "tools", "peers"))
import venus_qemu  # noqa: E402
from apt_private import SetupError  # noqa: E402

BUILD = os.path.join(TOP, "build")
BOOT_TIMEOUT_S = 90
# The guest's first process reads commands from its serial line, and says when each is done.
JOB = "echo commands: ready\nwhile read -r line; do eval \"$line\"; echo \"command: done\"; done < /dev/ttyS0\n"
UNBIND = "basename /sys/bus/virtio/drivers/virtio_gpu/virtio* > /sys/bus/virtio/drivers/virtio_gpu/unbind"

# what the shell of the guest does, the cause that must come first, words of the verdict
STEPS = (
    ("dd if=/dev/urandom of=/dev/fb0 bs=4096 count=500", None, "gpu0 head 0 shows a picture"),
    ("echo 4 > /sys/class/graphics/fb0/blank", "scanout-off", "Scanout 0 of gpu0 is off"),
    ("echo 0 > /sys/class/graphics/fb0/blank; dd if=/dev/urandom of=/dev/fb0 bs=4096 count=500", None, "gpu0 head 0 shows a picture"),
    ("dd if=/dev/zero of=/dev/fb0 bs=4096", "one-colour", "the way to the screen is whole"),
    (UNBIND, "reset", "DRIVER_OK of gpu0 is gone"),
)


@dataclasses.dataclass
class LinuxMachine(Machine):
    """Debian 13's kernel on its QEMU, with a 2D virtio-gpu on PCI."""

    def qemu_command(self, run_dir, serial):
        kernel = venus_qemu.place(BUILD, "kernel")
        for name, text in (("job", JOB), ("release", ""), ("programs", "")):
            os.makedirs(os.path.join(run_dir, name), exist_ok=True)
            if text:
                with open(os.path.join(run_dir, name, name), "w", encoding="ascii") as f:
                    f.write(text)
        shares = [word for name in ("job", "release", "programs") for word in (
            "-virtfs", f"local,path={run_dir}/{name},security_model=none,mount_tag={name},readonly=on")]
        return [os.path.join(venus_qemu.place(BUILD, "backports"), "qemu-system-x86_64"), *venus_qemu.MACHINE, *shares,
                "-device", "virtio-gpu-pci,id=gpu0", "-display", "none", "-serial", serial, "-monitor", "none",
                "-qmp", f"unix:{run_dir}/qmp,server=on,wait=off", "-kernel", os.path.join(kernel, "vmlinuz"),
                "-initrd", os.path.join(kernel, "initramfs.cpio"), "-append", "console=ttyS0 quiet panic=-1 no_timer_check"]


@system("doctor.linux", "the doctor tells a Linux guest's states apart: a picture, off, black, its driver unbound", long_only=True)
def linux():
    try:
        venus_qemu.ensure(BUILD)
    except SetupError as e:
        raise Skipped(f"the Linux guest cannot be had: {str(e).splitlines()[0]}") from e
    with Guest(LinuxMachine()) as guest:
        guest.expect("commands: ready", BOOT_TIMEOUT_S)
        for command, cause, words in STEPS:
            guest.send(f"{command} 2>/dev/null; sleep 1")
            guest.expect("command: done", 30)
            if cause:
                expect_cause(guest, cause, words)
            else:
                status, report = examine("--qmp", qmp_of(guest))
                check(status == 0 and words in report["verdict"] and not causes(report), f"{command}: {report}", guest)
