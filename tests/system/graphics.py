"""What the guest draws, judged by the host's pixels and never by the driver's own word.

conformance: S0-05 S0-16 S0-22 S1-05 S1-06
"""

import re
import time

from .cases import BOOT_TIMEOUT_S, PROMPT, boot, check, expect_in, newest_qemu, picture_after, shell, system
from .screentext import read_text

BARS = (
    ("white", (255, 255, 255)), ("yellow", (255, 255, 0)), ("cyan", (0, 255, 255)), ("green", (0, 255, 0)),
    ("magenta", (255, 0, 255)), ("red", (255, 0, 0)), ("blue", (0, 0, 255)), ("black", (0, 0, 0)),
)


def check_bars(picture):
    """Every pixel of the eight bars; rows are equal, so each is compared as a whole."""
    check((picture.width, picture.height) == (1280, 800), f"the display is {picture.width}x{picture.height}")
    width = picture.width // len(BARS)
    want = b"".join(bytes(colour) * width for _, colour in BARS)
    for y in range(picture.height):
        if picture.row(y) != want:
            x = next(x for x in range(picture.width) if picture.row(y)[x * 3 : x * 3 + 3] != want[x * 3 : x * 3 + 3])
            name = BARS[x // width][0]
            check(False, f"pixel ({x}, {y}) lies in the {name} bar but the host shows {picture.pixel(x, y)}")


MACHINES = (
    ("mmio2-split-queued", {}),
    ("mmio2-split-simple", {"gpu_driver": "simple"}),
    ("mmio2-packed-queued", {"rings": "packed"}),
    ("mmio2-packed-simple", {"rings": "packed", "gpu_driver": "simple"}),
    ("mmio1-queued", {"mmio": 1}),
    ("mmio1-simple", {"mmio": 1, "gpu_driver": "simple"}),
    ("gicv2-smp4", {"gic": 2, "smp": 4}),
    ("el2-64m", {"el2": True, "memory_mib": 64}),
)

for _name, _choices in MACHINES:
    system(f"bars.{_name}", f"`gpu test`: eight bars on the host ({_name})")(
        lambda c=_choices: check_bars(picture_after("gpu test", **c))
    )
    system(f"qemu-newest.bars.{_name}", f"the same on the newest QEMU ({_name})", long_only=True)(
        lambda c=_choices: check_bars(picture_after("gpu test", qemu=newest_qemu(), **c))
    )


# rectangle and ids given to `gpu scanout`, the device's answer, and the display's size afterwards
SCANOUTS = (
    ("0 0 1280 800", "OK_NODATA", (1280, 800)),
    ("320 200 640 400", "OK_NODATA", (640, 400)),
    ("1120 0 160 800", "OK_NODATA", (160, 800)),
    ("0 0 1281 800", "INVALID_PARAMETER", None),
    ("640 0 641 800", "INVALID_PARAMETER", None),
    ("0 800 1280 1", "INVALID_PARAMETER", None),
    ("4294967295 0 2 800", "INVALID_PARAMETER", None),
    ("0 0 0 0", "INVALID_PARAMETER", None),
    ("0 0 1280 800 15", "INVALID_SCANOUT_ID", None),
    ("0 0 1280 800 0 4711", "INVALID_RESOURCE_ID", None),
    ("0 0 1280 800", "OK_NODATA", (1280, 800)),
)


def scanout_sweep(**choices):
    with boot(**choices) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        size = (1280, 800)
        for arguments, answer, new_size in SCANOUTS:
            output = shell(guest, f"gpu scanout {arguments}")
            check(answer in output, f"gpu scanout {arguments}: expected {answer}, got: {output}")
            size = new_size or size
            picture = guest.screendump()
            check((picture.width, picture.height) == size, f"after {arguments}: {picture.width}x{picture.height}, expected {size}")
        check_bars(guest.screendump())


for _driver in ("queued", "simple"):
    system(f"scanout.{_driver}", f"SET_SCANOUT with rectangles inside, at the edge, outside, and wrong ids ({_driver})")(
        lambda d=_driver: scanout_sweep(gpu_driver=d)
    )


@system("scanout.part", "a scanout of part of a resource shows that part")
def scanout_part():
    picture = picture_after("gpu test; gpu scanout 80 0 160 800")
    want = bytes((255, 255, 255)) * 80 + bytes((255, 255, 0)) * 80
    check((picture.width, picture.height) == (160, 800), f"the display is {picture.width}x{picture.height}")
    check(all(picture.row(y) == want for y in range(800)), "the part shown is not the half of the white and of the yellow bar")


def expect_on_screen(guest, pattern, timeout_s=5.0):
    """Waits until the text on the host's display matches; gives the text.  The guest draws when it finds the time."""
    deadline = time.monotonic() + timeout_s
    while True:
        text = "\n".join(read_text(guest.screendump()))
        if re.search(pattern, text, re.M):
            return text
        check(time.monotonic() < deadline, f"no /{pattern}/ on the screen, which reads:\n{text}")


@system("console.text", "the shell stands on the screen in a readable font: the host reads its text off the pixels")
def text_console():
    line = "The quick brown fox jumps over 1234567890 lazy dogs. {}[]()<>~@#%^&*_+="
    with boot() as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        expect_on_screen(guest, r"^vitrine> ")
        shell(guest, f"echo '{line}'")
        expect_on_screen(guest, rf"^{re.escape(line)}$")


@system("console.scroll", "the text console scrolls: after many lines the last ones are there in order")
def console_scrolls():
    with boot() as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        for i in range(60):
            shell(guest, f"echo line number {i}")
        text = expect_on_screen(guest, r"^line number 59$")
        numbers = [int(n) for n in re.findall(r"^line number (\d+)$", text, re.M)]
        check(len(numbers) >= 10 and numbers == list(range(numbers[0], 60)), f"the screen shows lines {numbers}:\n{text}")


@system("console.modes", "text and graphics mode: the picture goes and the text comes back")
def console_modes():
    with boot() as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "echo remembered")
        shell(guest, "gpu test")
        check_bars(guest.screendump())
        shell(guest, "gpu mode text")
        expect_on_screen(guest, r"^remembered$")


@system("display.failed-change", "a size that cannot be had leaves the display as it was, and the picture comes back")
def failed_change():
    with boot() as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        for size in ("1 1", "9999 9999"):
            answer = shell(guest, f"gpu display {size}")
            check(re.search(r"^gpu: display: ", answer, re.M), f"`gpu display {size}` is not refused: {answer}", guest)
            check("display 1280x800 on scanout 0" in shell(guest, "gpu info"), "the old display is gone", guest)
        shell(guest, "gpu test")
        check_bars(guest.screendump())


@system("display.small-memory", "a display that memory cannot hold is replaced by a smaller one, and the log says so")
def small_memory():
    with boot(memory_mib=64, extra=("-device", "virtio-gpu-device,xres=7680,yres=4320")) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        expect_in(r"no display of 7680x4320.*\n.*trying 1280x800 instead", guest.output, "what was tried")
        check("display 1280x800" in shell(guest, "gpu info"), "there is no display of 1280x800", guest)


@system("display.two-gpus", "of two GPUs one is driven and the other is said not to be; its picture is right")
def two_gpus():
    with boot(extra=("-device", "virtio-gpu-device,id=gpu1")) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        check("not driven" in guest.output, "nothing says that the second GPU is not driven", guest)
        check("owner (nobody)" in shell(guest, "virtio list"), "both GPUs have an owner", guest)
