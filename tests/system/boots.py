"""Boots to the shell on every machine that the kernel promises to run on."""

from .cases import BOOT_TIMEOUT_S, PROMPT, boot, check, exec_status, expect_in, newest_qemu, shell, system


def boots_to_shell(**choices):
    with boot(**choices) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        listing = shell(guest, "devices")
        for kind in ("gpu", "network", "block", "input"):
            check(kind in listing, f"`devices` does not list the {kind} device", guest)
        shell_ends(guest)


def shell_ends(guest):
    guest.send("poweroff")
    check(guest.wait_end() == 0, "poweroff did not end QEMU well", guest)


# name, what it shows, the machine
MACHINES = (
    ("gicv2", "GICv2, EL1", {"gic": 2}),
    ("gicv3", "GICv3, EL1", {"gic": 3}),
    ("el2-gicv2", "GICv2, entered in EL2", {"gic": 2, "el2": True}),
    ("el2-gicv3", "GICv3, entered in EL2", {"gic": 3, "el2": True}),
    ("mem-64m", "64 MiB of memory", {"memory_mib": 64}),
    ("mem-4g", "4 GiB of memory", {"memory_mib": 4096}),
    ("smp4-gicv2", "four processors, GICv2", {"smp": 4, "gic": 2}),
    ("smp4-gicv3", "four processors, GICv3", {"smp": 4}),
    ("mmio1", "virtio-mmio version 1", {"mmio": 1}),
    ("packed", "packed rings", {"rings": "packed"}),
    ("newest-cpu", "the newest CPU model QEMU has", {"extra": ("-cpu", "max")}),
)

for _name, _about, _choices in MACHINES:
    system(f"boot.{_name}", f"boots to the shell: {_about}")(lambda c=_choices: boots_to_shell(**c))
    system(f"qemu-newest.boot.{_name}", f"the same on the newest QEMU: {_about}", long_only=True)(
        lambda c=_choices: boots_to_shell(qemu=newest_qemu(), **c)
    )


@system("exec.ok", "--exec ends with status=0 when every command succeeded")
def exec_ok():
    failed, output = exec_status(exec_commands="help; devices; mem")
    check(failed == 0, f"{failed} commands failed:\n{output[-2000:]}")


@system("exec.unknown", "an unknown command is one clear line and counts as failed")
def exec_unknown():
    failed, output = exec_status(exec_commands="help; frobnicate; devices")
    check(failed == 1, f"status={failed}, expected 1:\n{output[-2000:]}")
    expect_in(r"frobnicate", output, "the unknown command's name")
