"""Our kernel's devices on PCI: found, addressed, signalling by MSI-X or INTx, behind bridges and among strangers.

conformance: S1-01
"""

import re

from .cases import BOOT_TIMEOUT_S, PROMPT, boot, check, exec_status, expect_in, shell, system

BAR_COLOURS = 8
DRAWN = "gpu test; blk read 0 0; net up; net ping 10.0.2.2; pci list; irq"
MSIX, LINES = r"virtio-gpu: virtio gpu, MSI-X by {}, lines (\d+) and (\d+)$", r"virtio-gpu: virtio gpu, INTx, line (\d+)()$"
VARIANTS = (
    ("v2m", {"gic": 2}, MSIX.format("GICv2m")),
    ("its", {"gic": 3}, MSIX.format("GICv3 ITS")),
    ("its-packed", {"gic": 3, "rings": "packed", "smp": 2}, MSIX.format("GICv3 ITS")),
    ("intx", {"gic": 3, "extra": ("-machine", "its=off")}, LINES),
)


def bars_are_shown(guest):
    colours = len(guest.screendump().colours())
    check(colours == BAR_COLOURS, f"the host sees {colours} colours, not the {BAR_COLOURS} bars of gpu test", guest)


def devices_work(how, **choices):
    with boot(bus="pci", exec_commands=DRAWN, hold=True, **choices) as guest:
        m = guest.expect(guest.machine.exec_end, BOOT_TIMEOUT_S)
        check(m.group(1) == "0", "not every command succeeded over PCI", guest)
        bars_are_shown(guest)
        expect_in(r"1af4:1050 .*" + how, guest.output, "how the GPU is driven")
        line = max(int(n) for n in re.search(how, guest.output, re.M).groups() if n)
        counted = re.search(rf"^ +{line}  (?:virtio-pci queues|pci intx) +(\d+)$", guest.output, re.M)
        check(counted and int(counted.group(1)) > 0, f"no interrupt came by line {line}: the GPU was only polled", guest)
        expect_in(r"\|Vitrine scratch ", guest.output, "the disk's first sector")
        check("virtio-mmio" not in guest.output.partition("boot: up")[0], "a device came by mmio", guest)


for _name, _choices, _how in VARIANTS:
    system(f"pci.{_name}", f"GPU, disk and network work over PCI ({_name})")(
        lambda h=_how, c=_choices: devices_work(h, **c))


def strangers():
    """More than 32 other functions: ports, a bridge behind a port, network cards, disks, USB, things without a driver."""
    found = [f"pcie-root-port,id=rp{i},chassis={i + 1},slot={i}" for i in range(8)] + ["pcie-pci-bridge,id=br0,bus=rp7"]
    found += [f"virtio-rng-pci,id=rng{i}" + (f",bus=rp{i}" if i < 3 else "") for i in range(12)]
    found += [f"e1000e,id=e{i},romfile=" + (f",bus=rp{3 + i}" if i < 2 else "") for i in range(4)]
    found += [f"pci-testdev,id=t{i}" + (f",bus=br0,addr={i + 1}" if i < 2 else "") for i in range(4)]
    return found + ["qemu-xhci", "nvme,serial=1,drive=null0", "ich9-ahci", "edu"]


@system("pci.among-others", "the GPU is found behind a port among more than 32 other functions, and draws")
def gpu_among_others():
    extra = ["-drive", "if=none,id=null0,driver=null-co,size=1M"]
    for device in strangers() + ["virtio-gpu-pci,id=gpu0,xres=1280,yres=800,bus=rp6"]:
        extra += ["-device", device]
    choices = {"bus": "pci", "gic": 2, "gpu": False, "extra": tuple(extra), "hold": True}
    with boot(exec_commands="gpu test; pci list; net up", **choices) as guest:
        m = guest.expect(guest.machine.exec_end, BOOT_TIMEOUT_S)
        check(m.group(1) == "0", "not every command succeeded", guest)
        listed = re.findall(r"^([0-9a-f]{2}):[0-9a-f]{2}\.\d  ([0-9a-f]{4}:[0-9a-f]{4}) rev", guest.output, re.M)
        check(len(listed) > 33, f"only {len(listed)} functions are listed", guest)
        gpus = [bus for bus, ids in listed if ids == "1af4:1050"]
        check(len(gpus) == 1 and gpus[0] != "00", f"the GPU is on buses {gpus}, not on one behind a port", guest)
        check(sum(ids == "1b36:0005" and bus not in ("00",) for bus, ids in listed) == 2,
              "what is behind the bridge behind the port is not listed", guest)
        bars_are_shown(guest)


@system("pci.bars", "no two BARs overlap, each is a multiple of its size, and none is outside its window")
def bars_are_disjoint():
    extra = ["-drive", "if=none,id=null0,driver=null-co,size=1M"]
    for device in strangers():
        extra += ["-device", device]
    failed, output = exec_status(bus="pci", gic=2, extra=tuple(extra), exec_commands="pci all")
    check(failed == 0, "pci all failed")
    bars = [(m.group(3) == "I/O", int(m.group(2), 16), int(m.group(1), 16)) for m in
            re.finditer(r"BAR \d: 0x([0-9a-f]+) bytes at 0x([0-9a-f]+), (I/O|memory|prefetchable)", output)]
    check(len(bars) > 40, f"only {len(bars)} BARs are listed")
    given = sorted(b for b in bars if b[1] != 0)
    for is_io, at, size in given:
        check(at % size == 0, f"the BAR at {at:#x} is no multiple of its {size:#x} bytes")
        inside = at + size <= 0x10000 if is_io else at >= 0x10000000
        check(inside, f"the BAR at {at:#x} is outside the windows of the machine")
    for (io_a, at_a, size_a), (io_b, at_b, _) in zip(given, given[1:]):
        check(io_a != io_b or at_a + size_a <= at_b, f"the BAR at {at_a:#x} reaches into that at {at_b:#x}")


@system("pci.hot-plug", "a function goes out of its slot and comes back while the kernel runs")
def function_goes_and_comes():
    extra = ("-device", "pcie-root-port,id=rp0,chassis=1,slot=1", "-device", "virtio-rng-pci,id=rng0,bus=rp0")
    with boot(bus="pci", gic=2, extra=extra) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        expect_in(r"^01:00\.0  1af4:1044 .*virtio entropy", shell(guest, "pci list"), "the function in its slot")
        for _ in range(3):
            guest.qmp.command("device_del", id="rng0")
            check(guest.qmp.wait_event("DEVICE_DELETED", 5) is not None, "QEMU waits for ever for the slot's power-off", guest)
            guest.qmp.events.clear()
            guest.expect(r"01:00\.0: 1af4:1044 is out of its slot", 5)
            expect_in(r"^01:00\.0  1af4:1044 .*\(gone\)", shell(guest, "pci list"), "the function that went")
            guest.qmp.command("device_add", driver="virtio-rng-pci", id="rng0", bus="rp0")
            guest.expect(r"01:00\.0: 1af4:1044 is in its slot now", 5)
            expect_in(r"^01:00\.0  1af4:1044 .*virtio entropy", shell(guest, "pci list"), "the function that came")
        shell(guest, "gpu test")
        bars_are_shown(guest)


def free_mib(guest):
    return re.search(r"^  free +([\d.]+ .iB)", shell(guest, "mem"), re.M).group(1)


@system("pci.hot-plug-disk", "a disk in use goes and comes; its driver's memory comes back each time")
def disk_goes_and_comes():
    extra = ("-device", "pcie-root-port,id=rp0,chassis=1,slot=1", "-device", "pcie-root-port,id=rp1,chassis=2,slot=2",
             "-device", "virtio-blk-pci,id=blk1,drive=null0,serial=plugged,bus=rp1")
    for n in range(4):  # QEMU keeps the last one's for a moment
        extra = ("-blockdev", f"driver=null-co,node-name=null{n},size=8388608,read-zeroes=on") + extra
    with boot(bus="pci", extra=extra) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        expect_in(r'disk 1: 8 MiB.*id "plugged"', shell(guest, "blk info"), "the disk in its slot")
        shell(guest, "blk read 1 5")
        before = free_mib(guest)
        for n in range(1, 4):
            guest.qmp.command("device_del", id="blk1")
            check(guest.qmp.wait_event("DEVICE_DELETED", 5) is not None, "the disk does not go", guest)
            guest.qmp.events.clear()
            guest.expect(r"blk: disk 1 is no more", 5)
            expect_in(r"^blk: ", shell(guest, "blk read 1 5"), "reading the disk that went")
            guest.qmp.command("device_add", driver="virtio-blk-pci", id="blk1", drive=f"null{n}", serial="plugged", bus="rp1")
            guest.expect(r"blk: disk 1: 8 MiB", 5)
            expect_in(r"^00000a00  00 00", shell(guest, "blk read 1 5"), "reading the disk that came")
        check(free_mib(guest) == before, f"{before} were free before, {free_mib(guest)} are now", guest)


@system("pci.unbind", "the GPU's driver ends and starts again; its memory comes back, and it draws")
def gpu_is_unbound_and_bound():
    with boot(bus="pci", gic=2) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        before = free_mib(guest)
        for _ in range(2):
            shell(guest, "pci unbind 00:01.0")
            expect_in(r"^00:01\.0 .*\(no driver\)", shell(guest, "pci list"), "the GPU without a driver")
            expect_in(r"no GPU|not there|there is no", shell(guest, "gpu test"), "drawing without a GPU")
            expect_in(r"^pci: .*does not let go", shell(guest, "pci unbind 00:02.0"), "a driver that cannot end")
            expect_in(r"MSI-X by GICv2m", shell(guest, "pci bind 00:01.0"), "the GPU's interrupts")
            shell(guest, "gpu test")
            bars_are_shown(guest)
        check(free_mib(guest) == before, f"{before} were free before, {free_mib(guest)} are now", guest)
