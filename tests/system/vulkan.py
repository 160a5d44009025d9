"""Vulkan from our kernel: without a virtual machine, and on QEMU over our own device; judged by the CPU and by the device's pixels.

conformance: S3-16
"""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time

from vitrine_run.guest import Guest
from vitrine_run.machine import Machine
from vitrine_test.suite import TOP, run_program
from vitrine_test.vulkan_setup import vulkan_environment, vulkan_paths

from .cases import PROMPT, check, exec_status, expect_in, newest_qemu, shell, system
from .venus_server import children, wait_until
from .view import read_png

BACKGROUND = (15, 18, 26)  # of kernel/vulkan/picture.c


class Device:
    """A vitrine-gpu --vhost-user on lavapipe."""

    def __init__(self, where):
        self.where, self.socket, self.control = where, os.path.join(where, "gpu"), os.path.join(where, "control")
        run_program(["make", "-s", "-j2", "programs"], 900, what="make programs")
        self.log = open(os.path.join(where, "log"), "w+", encoding="utf-8")  # noqa: SIM115
        command = [os.path.join(TOP, "build/bin/vitrine-gpu"), "--vhost-user", self.socket, "--control", self.control, "--window", "256M"]
        icd = vulkan_paths("mesa")["lavapipe_icd"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=vulkan_environment(icd))
        wait_until(lambda: os.path.exists(self.socket), "vitrine-gpu listens")

    def said(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8") as f:
            return f.read()

    def renderers(self):
        """The processes that render, the one that waits for the next context included."""
        found, renderers = [self.process.pid], []
        while found:
            pid = found.pop()
            found += children(pid)
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
                renderers += [pid] if "vitrine-render" in f.read().split("\0")[0] else []
        return renderers

    def has_context(self):
        text = run_program([os.path.join(TOP, "build/bin/vitrine"), "status", "--control", self.control], 20)
        return re.search(r"renderer process each: [1-9]", text) is not None

    def pixels(self):
        path = os.path.join(self.where, "shot.png")
        run_program([os.path.join(TOP, "build/bin/vitrine"), "screenshot", "--control", self.control, path], 20)
        return read_png(path)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self.log.close()


@contextlib.contextmanager
def kernel():
    """Our kernel at its prompt, on our device."""
    with tempfile.TemporaryDirectory(prefix="vitrine-test-") as where:
        device = Device(where)
        try:
            with Guest(Machine(qemu=newest_qemu(), gpu_socket=device.socket)) as guest:
                guest.expect(PROMPT, 30)
                yield device, guest
        finally:
            device.stop()


def near(pixel, colour):
    return all(abs(a - b) <= 2 for a, b in zip(pixel, colour, strict=True))


def pixel(rows, x, y):
    return tuple(rows[y][x * 3 : x * 3 + 3])


@system("vulkan.native", "the kernel's compute, triangle and cube by its own client on a renderer in the same process, on lavapipe")
def native():
    with tempfile.TemporaryDirectory(prefix="vitrine-test-") as where:
        run_program(["make", "-s", "-j2", "build/vulkan/bin/vvk_native"], 900, what="make vvk_native")
        env = vulkan_environment(vulkan_paths("mesa")["lavapipe_icd"])
        text = run_program([os.path.join(TOP, "build/vulkan/bin/vvk_native"), "libvulkan.so.1", "100", where], 60, env=env)
        check(text.count(" 0 wrong") == 2, text)
        for name in ("triangle", "cube"):
            expect_in(rf"{name}\.ppm: [1-9]\d{{4}} of 256000 pixels drawn", text, name)


@system("vulkan.kernel", "`vulkan info`, `compute`, `triangle` and `cube` in our kernel on our device: right numbers, right pixels")
def on_our_device():
    with kernel() as (device, guest):
        expect_in(r"vulkan: llvmpipe .*, Vulkan 1\.\d", shell(guest, "vulkan info"), "vulkan info")
        expect_in(r"65536 numbers, 100 rounds: all as this CPU has them", shell(guest, "vulkan compute", 60), "vulkan compute")
        expect_in(r"triangle: 1280 x 800, shown", shell(guest, "vulkan triangle", 60), "vulkan triangle")
        rows = device.pixels()
        check((len(rows[0]) // 3, len(rows)) == (1280, 800), f"the screen is {len(rows[0]) // 3}x{len(rows)}")
        check(near(pixel(rows, 5, 5), BACKGROUND), f"the corner is {pixel(rows, 5, 5)}, the background is {BACKGROUND}")
        for x, y, strongest in ((150, 710, 0), (640, 100, 1), (1130, 710, 2)):
            seen = pixel(rows, x, y)
            check(max(range(3), key=seen.__getitem__) == strongest and seen[strongest] > 150, f"pixel ({x}, {y}) is {seen}")
        text = shell(guest, "vulkan cube 2", 60)
        rate = re.search(r"cube: (\d+) frames of 1280 x 800 in \d+ ms: .* frames/s, shown where the GPU drew them", text)
        check(rate and int(rate.group(1)) >= 5, text)
        rows = device.pixels()
        check(not near(pixel(rows, 640, 400), BACKGROUND), "there is no cube in the middle of the screen")
        check(near(pixel(rows, 5, 5), BACKGROUND), "there is something beside the cube")


@system("vulkan.renderer-dies", "the renderer is killed under a cube: a sentence in our kernel, and the next program works")
def renderer_dies():
    with kernel() as (device, guest):
        guest.send("vulkan cube 60")
        wait_until(device.has_context, "a context", 20)
        time.sleep(1.0)  # it draws
        for pid in device.renderers():
            os.kill(pid, signal.SIGKILL)
        start = len(guest.output)
        guest.expect(PROMPT, 30)
        expect_in(r"vk\w+: VK_ERROR_DEVICE_LOST: the renderer ", guest.output[max(0, start - 300) :], "what our kernel says")
        expect_in(r"rounds: all as this CPU has them", shell(guest, "vulkan compute 1000 10", 60), "the next program")


@system("vulkan.without", "without a renderer `vulkan` says what is missing, and which lines of QEMU bring it")
def without():
    failed, text = exec_status(exec_commands="vulkan info")
    check(failed == 1, f"{failed} commands failed")
    expect_in(r"no Vulkan: the device has no 3D renderer \(feature VIRGL\)", text, "vulkan info")
    expect_in(r"-device vhost-user-test-device-pci,chardev=gpu,virtio-id=16", text, "vulkan info")
