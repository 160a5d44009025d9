"""What the guest draws, judged by the host's pixels and never by the driver's own word."""

from .cases import check, newest_qemu, picture_after, system

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
