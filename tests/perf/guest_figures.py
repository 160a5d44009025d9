"""Guests on our own GPU, beside the same guests on QEMU's virtio-gpu and virglrenderer: Linux and our own kernel.

conformance: S3-16

Linux runs tests/vulkan/vkt_bench.c with Debian's own Mesa, once on vitrine-gpu --vhost-user, once on virtio-gpu-gl with
virglrenderer's render server, in the same QEMU 11 and over the same lavapipe.  Our kernel draws on our device and on QEMU's.
"""

import os
import re
import sys
import time

import campaign
from campaign import median, median_rate, once, spread
from vitrine_bench.figure import Figure, Result, Unavailable, settings
from vitrine_run import device as device_module
from vitrine_run.guest import Guest
from vitrine_run.machine import Machine

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools/peers"))
import gpu_qemu  # noqa: E402
import roots  # noqa: E402
import venus_peer  # noqa: E402
import venus_qemu  # noqa: E402
from apt_private import SetupError  # noqa: E402

BUILD = os.path.join(TOP, "build")
LINUX_TIMEOUT_S = 240
RAM = "memory-backend-memfd"  # how QEMU names the guest's memory
PICTURE = {"picture": ["/programs/vkt_picture"], "rest": ["sleep", "3"]}  # so that QEMU is still there when it is looked at


def need_all():
    campaign.need_kernel()
    try:
        device_module.build_programs()
        venus_qemu.ensure(BUILD)
        roots.ensure(BUILD, venus_qemu.RELEASE)
        return device_module.find_qemu()
    except (SetupError, device_module.DeviceError) as e:
        raise Unavailable(str(e).splitlines()[0]) from e


def values(outcome, who):
    """name -> value of what vkt_bench printed in the guest."""
    found = {name: float(value) for name, value in re.findall(r"^([\w-]+) ([\d.e+-]+) \S+$", outcome.output("bench"), re.M)}
    if outcome.status("bench") != 0 or not found:
        raise Unavailable(f"vkt_bench in the Linux guest on {who}: status {outcome.status('bench')}")
    return found


def bench_job():
    return {"bench": ["/programs/vkt_bench", "--seconds", str(settings.seconds)]}


def linux_on_ours():
    with gpu_qemu.make_device(BUILD) as device, gpu_qemu.Guest(BUILD, device, bench_job(), LINUX_TIMEOUT_S) as guest:
        return values(guest.finish(), "our device")


def linux_on_peer():
    server = venus_qemu.render_server(BUILD, "peer")
    return values(venus_qemu.run(BUILD, server, bench_job(), LINUX_TIMEOUT_S), "virtio-gpu-gl")


@once
def linux():
    """{who: [values of each run]} of the Linux guest on our device and on the peer's."""
    need_all()
    runs = {"ours": [], "peer": []}
    for _ in range(settings.runs):
        try:
            runs["ours"].append(linux_on_ours())
            runs["peer"].append(linux_on_peer())
        except (gpu_qemu.Ended, venus_peer.TimedOut, device_module.DeviceError) as e:
            raise Unavailable(str(e).splitlines()[0]) from e
    return runs


def kernel_on_ours(qemu, commands):
    with gpu_qemu.make_device(BUILD) as device:
        machine = Machine(exec_commands=commands, qemu=qemu, gpu_socket=device.socket, bus="pci")
        with Guest(machine, device=device) as guest:
            m = guest.expect(machine.exec_end, settings.guest_timeout_s)
            if m.group(1) != "0":
                raise Unavailable(f"our kernel on our device: {guest.last_words(3)}")
            return guest.output


@once
def frames():
    """{who: [bench lines of each run]} of our kernel's whole frames on our device and on QEMU's, in the same QEMU."""
    qemu, commands = need_all(), f"gpu bench full {settings.seconds}"
    runs = {"ours": [], "peer": []}
    for _ in range(settings.runs):
        runs["ours"].append(campaign.bench_lines(kernel_on_ours(qemu, commands)))
        runs["peer"].append(campaign.run_ours(Machine(exec_commands=commands, qemu=qemu, bus="pci")))
    return runs


@once
def compute():
    """[microseconds of 64 numbers: recorded, submitted, waited for] in our kernel."""
    qemu, found = need_all(), []
    for _ in range(settings.runs):
        output = kernel_on_ours(qemu, "vulkan compute 64 10000")
        found.append(float(re.search(r"(\d+) us each round", output).group(1)))
    return found


def ram_bytes(pid):
    """What of its memory a guest has touched: the pages that the memfd has."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{fd}"
        if RAM in os.readlink(path):
            return os.stat(path).st_blocks * 512
    raise Unavailable(f"QEMU (pid {pid}) has no {RAM}")


def kernel_to_pixel(qemu):
    """(seconds, bytes) of our kernel from QEMU's start to a triangle on the screen."""
    with gpu_qemu.make_device(BUILD) as device:
        machine = Machine(exec_commands="vulkan triangle", hold=True, qemu=qemu, gpu_socket=device.socket, bus="pci")
        start = time.monotonic()
        with Guest(machine, device=device) as guest:
            guest.expect(r"^vulkan triangle: .* shown", settings.guest_timeout_s)
            return time.monotonic() - start, ram_bytes(guest.process.pid)


def linux_to_pixel():
    """The same of Debian 13 to a picture of vkt_picture's, in the program's own memory."""
    with gpu_qemu.make_device(BUILD) as device:
        start = time.monotonic()
        with gpu_qemu.Guest(BUILD, device, PICTURE, LINUX_TIMEOUT_S) as guest:
            guest.see(r"^guest: picture status 0$", LINUX_TIMEOUT_S)
            return time.monotonic() - start, ram_bytes(guest.process.pid)


@once
def pixels():
    qemu = need_all()
    runs = {"ours": [], "Linux": []}
    for _ in range(settings.runs):
        try:
            runs["ours"].append(kernel_to_pixel(qemu))
            runs["Linux"].append(linux_to_pixel())
        except (gpu_qemu.Ended, device_module.DeviceError) as e:
            raise Unavailable(str(e).splitlines()[0]) from e
    return runs


def submit():
    """The median of each latency; the mean is ruled by those few in which the client slept 160 us (docs/figures.md)."""
    runs = linux()
    ours, peer = (median(runs[who], lambda r: r["submit-wait-median"]) for who in ("ours", "peer"))
    more = ["ours " + spread(runs["ours"], lambda r: r["submit-wait-median"]) + f"; {ours / peer:.2f} of peer"]
    for what, name in (("mean", "submit-wait"), ("90th percentile", "submit-wait-p90")):
        values = (f"{median(runs[who], lambda r, name=name: r[name]):.4g}" for who in ("ours", "peer"))
        more.append(f"{what} " + " / ".join(values))
    return Result("us", ours, peer, ours <= peer, "; ".join(more))


def offscreen():
    runs = linux()
    ours, peer = (median(runs[who], lambda r: r["frames"]) for who in ("ours", "peer"))
    return Result("frames/s", ours, peer, ours >= peer, "ours " + spread(runs["ours"], lambda r: r["frames"]) + f"; {ours / peer:.2f} x peer")


def flat():
    runs = frames()
    ours, peer = (median_rate(runs[who], "gpu_full", "frames") for who in ("ours", "peer"))
    return Result("frames/s", ours, peer, ours >= peer, f"{ours / peer:.2f} x QEMU's virtio-gpu")


def bare_submit():
    ours = median(compute(), lambda us: us)
    peer = median(linux()["ours"], lambda r: r["compute-few"])
    return Result("us", ours, peer, ours <= peer / 2, f"{ours / peer:.2f} of Mesa in the Linux guest, on the same device")


def first_pixel():
    runs = pixels()
    ours, peer = (median(runs[who], lambda r: r[0]) for who in ("ours", "Linux"))
    return Result("s", ours, peer, ours <= peer / 4, f"{ours / peer:.2f} of Linux")


def memory():
    runs = pixels()
    ours, peer = (median(runs[who], lambda r: r[1] / (1 << 20)) for who in ("ours", "Linux"))
    return Result("MiB", ours, peer, ours <= peer / 4, f"{ours / peer:.2f} of Linux")


def figures():
    groups = ("base", "vulkan")
    return [
        Figure("guest.submit", "an empty submit and its wait in a Linux guest, median; peer: virtio-gpu-gl with virglrenderer", "<= the peer",
               submit, groups),
        Figure("guest.frames", "offscreen frames in a Linux guest; peer: the same", ">= the peer", offscreen, groups),
        Figure("guest.2d", "whole frames of 1280x800 by our kernel on our device; peer: QEMU's virtio-gpu", ">= the peer", flat, groups),
        Figure("guest.compute", "64 numbers recorded, submitted, waited for by our kernel; peer: Mesa in a Linux guest on the same device",
               "<= 1/2 of the peer", bare_submit, groups),
        Figure("guest.first-pixel", "from QEMU's start to the first Vulkan pixel; peer: a Linux guest", "<= 1/4 of the peer", first_pixel,
               groups),
        Figure("guest.memory", "guest memory touched until then; peer: a Linux guest", "<= 1/4 of the peer", memory, groups),
    ]
