"""The size of the driver library."""

import os
import subprocess

from .figure import Figure, Result

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BAR_BYTES = 64 * 1024
ABOVE = ("display", "edid")  # objects of what stands above the drivers


def size_lines(*options):
    done = subprocess.run(
        ["aarch64-linux-gnu-size", *options, "build/aarch64/libvirtio.a"], cwd=TOP, check=True, text=True,
        stdout=subprocess.PIPE,
    )
    return [line.split() for line in done.stdout.splitlines()]


def text_bytes():
    """Text (code and constants) as `size` counts it: of gpu, net, blk, input and core; of the display layer above them."""
    parts = {False: 0, True: 0}
    for words in size_lines()[1:]:
        parts[words[5].startswith(ABOVE)] += int(words[0])
    return parts[False], parts[True]


def code_bytes():
    """The code alone."""
    return sum(int(words[1]) for words in size_lines("-A") if words and words[0].startswith(".text"))


def measure():
    subprocess.run(["make", "-s", "lib"], cwd=TOP, check=True)
    (size, above), code = text_bytes(), code_bytes()
    note = f"{100 * size / BAR_BYTES:.0f} % of the bar; with the display layer, console and EDID {size + above}, of which code {code}"
    return Result("bytes", size, met=size < BAR_BYTES, note=note)


def figures():
    return [Figure("library.text", "text of gpu, net, blk, input and core on AArch64", "< 64 KiB", measure)]
