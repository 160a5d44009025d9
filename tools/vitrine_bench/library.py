"""The size of the driver library."""

import os
import subprocess

from .figure import Figure, Result

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BAR_BYTES = 64 * 1024
# What came later than the bar, or stands above the drivers, and is linked by those only who use it: objects by name.
BESIDE = {
    "display, console and EDID": ("display", "edid"),
    "PCI": ("pci", "vectors", "unplugged"),
    "GPU contexts and blobs": ("msg_blob", "msg_context", "blob.", "commands_3d", "window"),
    "Vulkan client": ("vvk_",),
}


def size_lines(*options):
    done = subprocess.run(
        ["aarch64-linux-gnu-size", *options, "build/aarch64/libvirtio.a"], cwd=TOP, check=True, text=True,
        stdout=subprocess.PIPE,
    )
    return [line.split() for line in done.stdout.splitlines()]


def part_of(name):
    """The part of BESIDE that an object belongs to; None: the drivers and the core."""
    return next((part for part, names in BESIDE.items() if name.startswith(names)), None)


def text_bytes():
    """Text (code and constants) as `size` counts it, by part."""
    parts = {part: 0 for part in (None, *BESIDE)}
    for words in size_lines()[1:]:
        parts[part_of(words[5])] += int(words[0])
    return parts


def code_bytes():
    """The code alone."""
    return sum(int(words[1]) for words in size_lines("-A") if words and words[0].startswith(".text"))


def measure():
    subprocess.run(["make", "-s", "lib"], cwd=TOP, check=True)
    parts, code = text_bytes(), code_bytes()
    size = parts.pop(None)
    beside = ", ".join(f"{part} {count}" for part, count in parts.items())
    note = f"{100 * size / BAR_BYTES:.0f} % of the bar; besides: {beside}; the code of all {code}"
    return Result("bytes", size, met=size < BAR_BYTES, note=note)


def figures():
    return [Figure("library.text", "text of gpu, net, blk, input and core on AArch64", "< 64 KiB", measure)]
