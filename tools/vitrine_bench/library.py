"""The size of the driver library."""

import os
import subprocess

from .figure import Figure, Result

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BAR_BYTES = 64 * 1024


def text_bytes():
    """Text (code and constants) of gpu, net, blk, input and core on AArch64, as `size` counts it."""
    subprocess.run(["make", "-s", "lib"], cwd=TOP, check=True)
    done = subprocess.run(
        ["aarch64-linux-gnu-size", "build/aarch64/libvirtio.a"], cwd=TOP, check=True, text=True, stdout=subprocess.PIPE
    )
    return sum(int(line.split()[0]) for line in done.stdout.splitlines()[1:])


def measure():
    size = text_bytes()
    return Result("bytes", size, met=size < BAR_BYTES, note=f"{100 * size / BAR_BYTES:.0f} % of the bar")


def figures():
    return [Figure("library.text", "text of the whole driver library on AArch64", "< 64 KiB", measure)]
