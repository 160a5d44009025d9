"""A Linux guest on our own GPU: Debian 13 in QEMU 11, whose virtio-gpu is vitrine-gpu --vhost-user.

conformance: S3-16

Unchanged Debian all the way: kernel, Mesa, QEMU. What its programs compute and draw is compared with the host driver itself, what
its screens show with what the program drew, and everything that was started must be gone afterwards.
"""

import functools
import os
import random
import re
import signal
import sys
import time

from vitrine_run.device import DeviceError
from vitrine_run.qmp import Qmp
from vitrine_run.picture import read_ppm
from vitrine_test.suite import TOP, Failed, Skipped, Suite, run_program, tail

from venus.running import expect, native_hash, picture_hash

sys.path.insert(0, os.path.join(TOP, "tools", "peers"))
import gpu_qemu  # noqa: E402
import venus_peer  # noqa: E402
import venus_qemu  # noqa: E402
from apt_private import SetupError  # noqa: E402

BUILD = os.path.join(TOP, "build")
BOOT_S = 60  # from QEMU's start to the first word of a program; a shared machine
ANSWER_S = 20
DEVICE = r"^\s*deviceName\s*= Virtio-GPU Venus \(llvmpipe"
VERSION = r"^\s*apiVersion\s*= 1\.[34]\."
PROGRAMS = {
    "vulkaninfo": ["vulkaninfo", "--summary"],
    "vkt_compute": ["/programs/vkt_compute"],
    "vkt_picture": ["/programs/vkt_picture"],
}
# Mesa writes a timeline's new value into its feedback memory after it has sent the signal: see tests/venus_guest.
STRESS = ["env", "VN_PERF=no_semaphore_feedback", "/programs/vkt_stress", "--timeout", "150"]


@functools.lru_cache(maxsize=None)
def made():
    try:
        venus_qemu.ensure(BUILD)
    except SetupError as e:
        raise Skipped(f"QEMU 11 and its guest cannot be had: {str(e).splitlines()[0]}") from e
    run_program(["make", "-s", "-j2", "programs", "vulkan-tests"], 1500, what="make programs vulkan-tests")


def told(work):
    """What the harness says in its own exceptions is a failure like any other."""

    def suite():
        made()
        try:
            work()
        except (gpu_qemu.Ended, DeviceError, venus_peer.TimedOut) as e:
            raise Failed(f"{e}\n{tail(getattr(e, 'output', ''))}") from e

    return suite


def descendants(pid):
    """The process and all below it."""
    found, new = set(), {pid}
    while new:
        found |= new
        new = set()
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue  # it has ended
            if parent in found and int(name) not in found:
                new.add(int(name))
    return found


def open_count(pids):
    count = 0
    for pid in pids:
        try:
            count += len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            continue
    return count


def drawn(display, width, height):
    """What kms_show drew: rows of red, green, blue."""
    rows, blue = [], 0x40 * (display + 1) & 0xFF
    for y in range(height):
        row = bytearray(width * 3)
        row[0::3] = bytes(x & 0xFF for x in range(width))
        row[1::3], row[2::3] = bytes([y & 0xFF]) * width, bytes([blue]) * width
        rows.append(bytes(row))
    return b"".join(rows)


def see_picture(take, what, display, width, height):
    """Waits until `take` gives kms_show's picture of that size: pixel by pixel."""
    deadline, seen, wanted = time.monotonic() + ANSWER_S, "nothing", drawn(display, width, height)
    while time.monotonic() < deadline:
        try:
            picture = take()
        except DeviceError as e:
            seen = str(e)
        else:
            if (picture.width, picture.height) == (width, height) and picture.rgb == wanted:
                return
            is_other = (picture.width, picture.height) == (width, height)
            seen = f"a picture of {picture.width}x{picture.height}" + (" with other pixels" if is_other else "")
        time.sleep(0.2)
    raise Failed(f"{what} should show kms_show's picture of {width}x{height}; it shows {seen}")


def see_screen(device, display, width, height):
    see_picture(lambda: device.picture(display), f"display {display}", display, width, height)


def see_vulkan(outcome, device):
    for name in PROGRAMS:
        if outcome.status(name) != 0:
            raise Failed(f"{name} in the guest: status {outcome.status(name)}\n{tail(outcome.serial)}\n{device.log()}")
    expect(DEVICE, outcome.output("vulkaninfo"), "vulkaninfo in the guest")
    expect(VERSION, outcome.output("vulkaninfo"), "vulkaninfo in the guest")
    expect("all right on Virtio-GPU Venus", outcome.output("vkt_compute"), "vkt_compute in the guest")
    if picture_hash(outcome.output("vkt_picture")) != native_hash():
        raise Failed(f"vkt_picture in the guest: {picture_hash(outcome.output('vkt_picture'))}, on the host {native_hash()}")


def vulkan():
    with gpu_qemu.make_device(BUILD, "--verbose") as device:
        before = descendants(device.process.pid)
        before_count = open_count(before)
        with gpu_qemu.Guest(BUILD, device, PROGRAMS, 120) as guest:
            outcome = guest.finish()
        expect(r"virtio_gpu .*\+virgl \+edid \+resource_blob \+host_visible|\+context_init|renderD128", outcome.serial, "the guest")
        see_vulkan(outcome, device)
        expect(r"client vkt_picture", device.log(), "vitrine-gpu's log")
        deadline = time.monotonic() + ANSWER_S
        while open_count(descendants(device.process.pid)) > before_count + 2:
            if time.monotonic() > deadline:
                raise Failed(f"open files before the guest: {before_count}, after it: "
                             f"{open_count(descendants(device.process.pid))}\n{device.log()}")
            time.sleep(0.1)


def screens():
    show = {"kms_show": ["/programs/kms_show", "60"]}
    with gpu_qemu.make_device(BUILD, "--resolution", "1280x800,1024x768") as device, \
            gpu_qemu.Guest(BUILD, device, show, 120) as guest:
        guest.see(r"^kms_show: display 1: 1024x768", BOOT_S)
        see_screen(device, 0, 1280, 800)
        see_screen(device, 1, 1024, 768)
        device.ask("resize 0 1600x900")
        guest.see(r"^kms_show: display 0: 1600x900", ANSWER_S)
        see_screen(device, 0, 1600, 900)
        device.ask("unplug 1")
        guest.see(r"^kms_show: display 1: unplugged", ANSWER_S)
        device.ask("plug 1 800x600")
        guest.see(r"^kms_show: display 1: 800x600", ANSWER_S)
        see_screen(device, 1, 800, 600)


def qemu_screen():
    """QEMU's own displays of vhost-user-gpu, of the sizes of their EDIDs: what it dumps is what the program drew."""
    show = {"kms_show": ["/programs/kms_show", "60"]}
    with gpu_qemu.make_device(BUILD, "--no-venus", "--scanouts", "2") as device, \
            gpu_qemu.Guest(BUILD, device, show, 120, front="gpu-two") as guest:
        guest.see(r"^kms_show: display 1: 800x600", BOOT_S)
        qmp, path = Qmp(guest.qmp), os.path.join(guest.job.name, "dump.ppm")

        def dump(head):
            qmp.command("screendump", filename=path, device="gpu0", head=head)
            return read_ppm(path)

        see_picture(lambda: dump(0), "QEMU's screendump of its first display", 0, 1024, 768)
        see_picture(lambda: dump(1), "QEMU's screendump of its second display", 1, 800, 600)


def renderer_killed():
    """A killed renderer: its program ends with an error, the next one runs, a sentence says why."""
    programs = {"vkt_stress": STRESS, "vkt_compute": PROGRAMS["vkt_compute"]}
    with gpu_qemu.make_device(BUILD, "--verbose") as device, gpu_qemu.Guest(BUILD, device, programs, 150) as guest:
        guest.see(r"^guest: vkt_stress begins", BOOT_S)
        time.sleep(3)
        victims = [pid for pid in descendants(device.process.pid) if is_busy_renderer(pid)]
        if not victims:
            raise Failed(f"there is no renderer to kill\n{device.log()}")
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        outcome = guest.finish()
        if outcome.status("vkt_stress") in (0, None) or outcome.status("vkt_compute") != 0:
            raise Failed(f"of a killed renderer and the next program:\n{tail(outcome.serial)}\n{device.log()}")
        expect(r"vkt_stress.*killed by signal 9", device.log(), "vitrine-gpu's log")


def paused():
    """Paused twenty times, while renderers stand still and fences cannot pass: each is answered when the machine goes on."""
    work = {"fences": ["/programs/gpu_fences", "6"]}
    with gpu_qemu.make_device(BUILD) as device, gpu_qemu.Guest(BUILD, device, work, 120) as guest:
        guest.see(r"^gpu_fences: begins", BOOT_S)  # its context is there: QEMU must not be asked for mappings in a pause
        qmp, chance = Qmp(guest.qmp), random.Random(4)
        renderers = [pid for pid in descendants(device.process.pid) if is_renderer(pid)]
        met = 0
        for _ in range(20):
            send_signal(renderers, signal.SIGSTOP)
            time.sleep(0.05)
            qmp.command("stop")
            met += device.ask("status")[0]["front"]["queues"][0]["in_flight"] > 0
            send_signal(renderers, signal.SIGCONT)
            time.sleep(chance.uniform(0, 0.05))
            qmp.command("cont")
            time.sleep(chance.uniform(0, 0.1))
        outcome = guest.finish()
        if outcome.status("fences") != 0:
            raise Failed(f"after twenty pauses:\n{tail(outcome.serial)}\n{outcome.log}\n{device.log()}")
        if met == 0:
            raise Failed("no pause met a fence")


def send_signal(pids, number):
    for pid in pids:
        os.kill(pid, number)


def is_renderer(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "vitrine-render"
    except OSError:
        return False


def is_busy_renderer(pid):
    try:
        return is_renderer(pid) and len(os.listdir(f"/proc/{pid}/task")) >= 4
    except OSError:
        return False


VKMARK = "vkmark --winsys headless -s 400x300 -b vertex:duration=25"


def soak():
    """Half an hour of vkmark, each minute's in two contexts of their own, without growth of memory or open files."""
    again = f"i=0; while [ $i -lt 76 ]; do {VKMARK} || exit 1; i=$((i+1)); done"
    work = {"warm": ["sh", "-c", VKMARK], "vkmark": ["sh", "-c", again]}
    with gpu_qemu.make_device(BUILD) as device, gpu_qemu.Guest(BUILD, device, work, 3600) as guest:
        guest.see(r"^guest: vkmark begins", 300)
        time.sleep(40)
        start = footprint(device)
        found = guest.see(r"^guest: vkmark status (\d+)", 3500)
        end = footprint(device)
        if found.group(1) != "0":
            raise Failed(f"vkmark ended with {found.group(1)}\n{tail(guest.outcome().serial)}\n{device.log()}")
        if end["fds"] > start["fds"] + 4 or end["kib"] > start["kib"] * 1.1 + 8192:
            raise Failed(f"the device grew: {start} -> {end}")


def footprint(device):
    pids, kib = descendants(device.process.pid), 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                kib += int(re.search(r"^Private_Dirty:\s*(\d+)", f.read(), re.M).group(1))
        except (OSError, AttributeError):
            continue
    return {"fds": open_count(pids), "kib": kib, "processes": len(pids)}


def suites():
    return [
        Suite("linux-guest.vulkan", "a Linux guest computes and draws by Vulkan on our device under QEMU 11", told(vulkan), alone=True),
        Suite("linux-guest.screens", "its two screens show what it draws, resized and unplugged while it runs", told(screens),
              alone=True),
        Suite("linux-guest.qemu-screen", "QEMU's own two displays show it, too, in the sizes that QEMU says", told(qemu_screen), alone=True),
        Suite("linux-guest.renderer-killed", "a killed renderer ends one program of the guest, with a sentence",
              told(renderer_killed), alone=True),
        Suite("linux-guest.paused", "a machine paused again and again while its programs compute loses no answer", told(paused), alone=True),
        Suite("long.linux-guest.soak", "half an hour of vkmark, and nothing has grown", told(soak), long_only=True, alone=True),
    ]
