"""vitrine-gpu --vhost-user as the GPU of our kernel, behind both of QEMU's front-ends; front-ends that come, go and lie.

conformance: S0-19 S3-16
"""

import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from vitrine_test.suite import TOP, run_program

from .cases import BOOT_TIMEOUT_S, PROMPT, boot, check, expect_in, newest_qemu, shell, system
from .venus_server import fd_count, wait_until

GPU = os.path.join(TOP, "build/bin/vitrine-gpu")
BAR_COLOURS = 8
FRONTS = {
    "test-device": "vhost-user-test-device-pci,id=gpu0,chardev=gpu,virtio-id=16,num_vqs=2,config_size=16,vq_size=256",
    "gpu": "vhost-user-gpu-pci,id=gpu0,chardev=gpu,xres=1280,yres=800",
}
GET_FEATURES, SET_MEM_TABLE, SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_KICK, GET_CONFIG, GPU_SET_SOCKET = 1, 5, 8, 9, 12, 24, 33
DISPLAY_FEATURES, DISPLAY_INFO = 1, 3  # of the display socket
_build_lock = threading.Lock()
_built = []


class Device:
    """The device process, of 2D only unless asked for more."""

    def __init__(self, *options):
        with _build_lock:
            if not _built:
                run_program(["make", "-s", "-j2", "programs"], 900, what="make programs")
                _built.append(True)
        self.where = tempfile.TemporaryDirectory(prefix="vitrine-test-")
        self.socket = os.path.join(self.where.name, "gpu")
        self.log_path = os.path.join(self.where.name, "log")
        self.control = os.path.join(self.where.name, "control")
        self.options = ("--no-venus", "--control", self.control, *options)
        self.process = None

    def __enter__(self):
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([GPU, "--vhost-user", self.socket, *self.options], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        wait_until(lambda: os.path.exists(self.socket) and os.path.exists(self.control), "the device's sockets", 10)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.where.cleanup()

    def child(self):
        """The device process's id, below its caretaker."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as f:
            return int(f.read())

    def status(self):
        """The one line of the control socket."""
        return self.ask("status")

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5)
            control.connect(self.control)
            control.sendall(request.encode() + b"\n")
            line = b""
            while not line.endswith(b"\n"):
                line += control.recv(65536)
            return line.decode()

    def log(self):
        with open(self.log_path, encoding="utf-8") as f:
            return f.read()

    def end(self):
        """Asks it to end.  Gives the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def words(self, front, rings="split"):
        packed = ",packed=on" if rings == "packed" else ""
        return ("-machine", "memory-backend=ram", "-object", "memory-backend-memfd,id=ram,size=512M,share=on",
                "-chardev", f"socket,id=gpu,path={self.socket}", "-device", FRONTS[front] + packed)


def machine(device, front, **choices):
    return boot(bus="pci", gic=2, gpu=False, qemu=newest_qemu(), extra=device.words(front, choices.get("rings")), **choices)


def draw(device, front, **choices):
    """The bars of `gpu test`; every command must succeed."""
    guest = machine(device, front, exec_commands="gpu test", hold=True, **choices)
    try:
        m = guest.expect(guest.machine.exec_end, BOOT_TIMEOUT_S)
        check(m.group(1) == "0", f"gpu test did not succeed over {front}\n{device.log()}", guest)
    except BaseException:
        guest.__exit__(None, None, None)
        raise
    return guest


def is_drawn(front, **choices):
    with Device() as device:
        with draw(device, front, **choices) as guest:
            if front == "gpu":
                wait_until(lambda: len(guest.screendump().colours()) == BAR_COLOURS, "the bars on QEMU's own display", 5)
        check(device.end() == 0 and not os.path.exists(device.socket), f"the device did not end well:\n{device.log()}")
        check("broke" not in device.log(), f"our own driver broke a rule:\n{device.log()}")


for _name, _front, _choices in (("test-device", "test-device", {}), ("test-device-packed", "test-device", {"rings": "packed"}),
                                ("gpu", "gpu", {}), ("gpu-packed", "gpu", {"rings": "packed"})):
    system(f"vhost-user.{_name}", f"our kernel draws over our device, behind QEMU's {_front} ({_name})")(
        lambda f=_front, c=_choices: is_drawn(f, **c))


@system("vhost-user.again", "a second machine is served when the first has gone, by the same device")
def serves_again():
    with Device("--verbose") as device:
        for _ in range(2):
            with draw(device, "gpu") as guest:
                wait_until(lambda g=guest: len(g.screendump().colours()) == BAR_COLOURS, "the bars", 5)
        wait_until(lambda: device.log().count("has left; the next one may connect") == 2, "two machines that left", 5)
        check(device.end() == 0, "the device did not end well")


@system("vhost-user.killed", "a device process that is killed is named in one line, and the machine without its GPU goes on")
def device_is_killed():
    with Device() as device, machine(device, "test-device") as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        os.kill(device.child(), signal.SIGKILL)
        check(device.process.wait(10) == 1, "the caretaker's exit status is not 1")
        expect_in(r"the device process died of signal 9 \(Killed\)", device.log(), "why it ended")
        check(not os.path.exists(device.socket) and not os.path.exists(device.control), "its sockets are left")
        expect_in(r"up", shell(guest, "echo up"), "the guest")


@system("vhost-user.orphan", "a device process that is stuck ends with vitrine-gpu, even when that is killed")
def stuck_device_ends():
    with Device() as device:
        child = device.child()
        os.kill(child, signal.SIGSTOP)  # it hears no signal that could be blocked
        device.process.kill()
        wait_until(lambda: not os.path.exists(f"/proc/{child}"), "the end of the device process", 5)


def pause_is_no_reset(front, **choices):
    with Device() as device, machine(device, front, no_reboot=False, **choices) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        before = json.loads(device.status())["gpu"]
        guest.qmp.command("stop")
        wait_until(lambda: '"running":true' not in device.status(), "queues that stop with the machine")
        guest.qmp.command("cont")
        wait_until(lambda: '"running":true' in device.status(), "queues that run with the machine")
        after = json.loads(device.status())["gpu"]
        check(after["scanouts"][0]["resource_id"] == before["scanouts"][0]["resource_id"] != 0, f"the picture is gone: {after}", guest)
        check(after["reset_count"] == before["reset_count"], "a pause was taken for a reset", guest)
        shell(guest, "gpu test")
        guest.qmp.command("system_reset")
        wait_until(lambda: json.loads(device.status())["gpu"]["reset_count"] > before["reset_count"], "the reset")
        guest.expect(r"boot: up", BOOT_TIMEOUT_S)
        wait_until(lambda: json.loads(device.status())["gpu"]["scanouts"][0]["resource_id"] != 0, "a picture after the reset")
        check("taken" not in device.log(), f"the second start met what the first one left:\n{device.log()}", guest)


for _name, _front, _choices in (("pause", "test-device", {}), ("pause-packed", "test-device", {"rings": "packed"}), ("pause-gpu", "gpu", {})):
    system(f"vhost-user.{_name}", f"a machine that is paused finds its pictures again, one that is reset finds none ({_front})")(
        lambda f=_front, c=_choices: pause_is_no_reset(f, **c))


@system("vhost-user.resized-in-pause", "a display resized while the machine is paused is told to its driver when it goes on; QEMU lives")
def resized_in_pause():
    with Device() as device, machine(device, "test-device") as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        guest.qmp.command("stop")
        device.ask("resize 0 1024x768")
        check(guest.qmp.command("query-status")["status"] == "paused", "the machine is no longer paused", guest)
        guest.qmp.command("cont")
        guest.expect(r"the host changed its displays", 5)


def reset_is_early(front):
    """Paused before the first instruction after the reset: the guest's driver has not begun anew."""
    with Device() as device, machine(device, front, no_reboot=False) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        before = json.loads(device.status())["gpu"]["reset_count"]
        guest.qmp.command("stop")
        guest.qmp.command("system_reset")
        wait_until(lambda: json.loads(device.status())["gpu"]["reset_count"] > before, "the reset")
        check(json.loads(device.status())["gpu"]["scanouts"][0]["resource_id"] == 0, "the old picture is still there", guest)


system("vhost-user.reset-early", "QEMU's reset of the machine takes the picture away at once (vhost-user-gpu)")(lambda: reset_is_early("gpu"))


def message(request, payload=b"", flags=1):
    return struct.pack("<III", request, flags, len(payload)) + payload


def connect(device):
    front = socket.socket(socket.AF_UNIX)
    front.settimeout(5)
    front.connect(device.socket)
    return front


def told_of_displays(front, modes):
    """A display socket of QEMU's without features, that says these sizes (None: disabled) when it is asked."""
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    socket.send_fds(front, [message(GPU_SET_SOCKET)], [theirs.fileno()])
    theirs.close()
    info = struct.pack("<IIQII", 0x1101, 0, 0, 0, 0)
    for mode in modes + [None] * (16 - len(modes)):
        info += struct.pack("<IIIIII", 0, 0, *(mode or (0, 0)), mode is not None, 0)
    request = 0
    while request != DISPLAY_INFO:
        request, _, size = struct.unpack("<III", ours.recv(12))
        ours.recv(size)
        answer = {DISPLAY_FEATURES: bytes(8), DISPLAY_INFO: info}.get(request)
        if answer:
            ours.sendall(struct.pack("<III", request, 4, len(answer)) + answer)
    return ours


@system("vhost-user.displays", "a display that QEMU says is disabled is unplugged for the guest, and plugged in when it is not")
def displays_as_qemu_says():
    def has(wanted):
        displays = [scanout["display"] for scanout in json.loads(device.status())["gpu"]["scanouts"]]
        shown = [d["is_enabled"] and (d["width_px"], d["height_px"]) for d in displays]
        return shown == wanted

    with Device("--scanouts", "2") as device, connect(device) as front:
        with told_of_displays(front, [(800, 600), None]):
            wait_until(lambda: has([(800, 600), False]), "one display of 800x600")
        with told_of_displays(front, [(800, 600), (640, 480)]):
            wait_until(lambda: has([(800, 600), (640, 480)]), "two displays")


@system("vhost-user.dark", "a device that is started without a display says so, and what to do")
def no_display():
    with Device("--resolution", "off") as device:
        expect_in("no display is plugged in: `vitrine plug`", device.log(), "the device's word")
    with Device("--resolution", "off,800x600") as device:
        check(device.log() == "", f"the device says: {device.log()}")


HEADS = {"driver": "vhost-user-gpu-pci", "id": "gpu0", "chardev": "gpu", "max_outputs": 2,
         "outputs": [{"name": "left", "xres": 1024, "yres": 600}, {"name": "right", "xres": 640, "yres": 480}]}


@system("vhost-user.heads", "two displays of QEMU's: their sizes and EDID are the guest's from its first question on, each shows its own picture")
def two_heads():
    with Device("--scanouts", "2") as device:
        words = (*device.words("gpu")[:-1], json.dumps(HEADS))
        with boot(bus="pci", gpu=False, qemu=newest_qemu(), extra=words) as guest:
            guest.expect(r"gpu: display 1024x600 on scanout 0", BOOT_TIMEOUT_S)
            guest.expect(PROMPT, BOOT_TIMEOUT_S)
            expect_in(r"scanout 1: on, host wishes 640x480 at \(1024,0\)", shell(guest, "gpu info"), "the second display")
            expect_in(r'"left".*preferred 1024x600', shell(guest, "gpu edid 0"), "QEMU's EDID of the first display")
            expect_in(r'"right".*preferred 640x480', shell(guest, "gpu edid 1"), "QEMU's EDID of the second display")
            expect_in(r'"ok":false.*QEMU\'s own', device.ask("resize 0 640x480"), "a size that QEMU would not tell the guest")
            shell(guest, "gpu test")
            shell(guest, "gpu scanout 512 0 512 480 1")
            wait_until(lambda: len(guest.screendump(0).colours()) == BAR_COLOURS, "the bars on the first display", 5)
            wait_until(lambda: guest.screendump(1).width == 512, "a picture on the second display", 5)
            left, right = guest.screendump(0), guest.screendump(1)
            check((left.width, left.height, right.height) == (1024, 600, 480), f"{left.width}x{left.height}, {right.height}", guest)
            differ = [x for x in range(512) if left.pixel(512 + x, 100) != right.pixel(x, 100)]
            check(not differ, f"the second display does not show the right half of the first: columns {differ[:8]}", guest)
            check(guest.qemu_errors() == "", f"QEMU complains: {guest.qemu_errors()}", guest)


def answer_to(front):
    try:
        return front.recv(64)
    except ConnectionResetError:  # it was left with bytes unread
        return b""


WRONG = {
    "an unknown message": (message(99), r"vhost-user message 99 is not one that this device takes"),
    "a wrong version": (message(GET_FEATURES, flags=2), r"GET_FEATURES has flags 0x2"),
    "too many bytes": (message(GET_FEATURES, bytes(8)), r"GET_FEATURES has 8 bytes, right are 0 to 0"),
    "a huge size": (struct.pack("<III", SET_MEM_TABLE, 1, 0xFFFFFFF0), r"SET_MEM_TABLE has 4294967280 bytes"),
    "regions without fds": (message(SET_MEM_TABLE, struct.pack("<II", 1, 0) + bytes(32)), r"SET_MEM_TABLE tells of 1 regions"),
    "a third queue": (message(SET_VRING_NUM, struct.pack("<II", 2, 64)), r"queue 2 is named; a virtio GPU has 0 and 1"),
    "a queue of no entries": (message(SET_VRING_NUM, struct.pack("<II", 0, 0)), r"queue 0 is to have 0 entries"),
    "config beyond itself": (message(GET_CONFIG, struct.pack("<III", 250, 16, 0) + bytes(16)), r"GET_CONFIG names 16 bytes at 250"),
}


@system("vhost-user.lies", "a front-end that says what is wrong is left with a sentence, and the next one is served")
def front_ends_that_lie():
    with Device() as device:
        wait_until(lambda: "connected" in device.status(), "the device's first word")
        fds = fd_count(device.child())
        for what, (wrong, sentence) in WRONG.items():
            with connect(device) as front, open(os.devnull, "rb") as passed:
                socket.send_fds(front, [wrong], [passed.fileno()] * 3)  # files that nobody asked for
                check(answer_to(front) == b"", f"{what} with files: the device answered")
            with connect(device) as front:
                front.sendall(wrong)
                check(answer_to(front) == b"", f"{what}: the device answered")
            expect_in(r"the front-end is left: " + sentence, device.log(), what)
        with connect(device) as front:
            for part in (message(GET_FEATURES)[:5], message(GET_FEATURES)[5:]):
                front.sendall(part)
            request, flags, size, features = struct.unpack("<IIIQ", front.recv(64))
            check(fd_count(device.child()) <= fds + 1, "files of wrong messages are left open")
            check((request, flags, size) == (GET_FEATURES, 5, 8) and features >> 32 & 1, "no answer after all these lies")
        check(device.end() == 0, "the device did not end well")


@system("vhost-user.second", "a second front-end is closed and told of; one that said nothing gives way; one that left is not in the way")
def one_at_a_time():
    with Device() as device:
        with connect(device) as silent:
            began = time.monotonic()
            with connect(device) as second:
                check(answer_to(second) == b"", "a second front-end is answered")
            expect_in("another front-end came and was closed", device.log(), "the device's own word")
            time.sleep(max(0, began + 5.1 - time.monotonic()))
            with connect(device) as front:
                front.sendall(message(GET_FEATURES))
                check(len(front.recv(64)) == 20, "one that says nothing keeps another one out")
                check(answer_to(silent) == b"", "the silent one is still served")
                expect_in("is left: it has said nothing for 5 s", device.log(), "why the first one was left")
        os.kill(device.child(), signal.SIGSTOP)  # so that an end and a beginning are found at once
        for _ in range(20):
            with connect(device) as front:
                front.sendall(message(GET_FEATURES))
        with connect(device) as front:
            os.kill(device.child(), signal.SIGCONT)
            front.sendall(message(GET_FEATURES))
            check(len(front.recv(64)) == 20, "the last of many was not served")


@system("vhost-user.not-control", "vitrine asked for the status at QEMU's socket says what may be wrong, at once")
def not_the_control_socket():
    with Device() as device:
        done = subprocess.run([os.path.join(TOP, "build/bin/vitrine"), "status", "--control", device.socket], text=True, timeout=2,
                              capture_output=True, stdin=subprocess.DEVNULL, check=False)
        check(done.returncode == 1, f"exit status {done.returncode}")
        expect_in(r"did not answer: .*\(is it the control socket\?", done.stderr, "vitrine's sentence")
        expect_in("is left: vhost-user message 1952543859 is not one", device.log(), "the device's sentence")


FLOOD = 200


@system("vhost-user.seldom", "a guest whose queue cannot start, again and again, fills no log; status has the sentence")
def sentences_are_seldom():
    with Device() as device, connect(device) as front, open(os.devnull, "rb") as passed:
        for _ in range(FLOOD):
            front.sendall(message(SET_VRING_NUM, struct.pack("<II", 0, 64)))
            front.sendall(message(SET_VRING_ADDR, struct.pack("<IIQQQQ", 0, 0, 4096, 4096, 4096, 0)))
            socket.send_fds(front, [message(SET_VRING_KICK, bytes(8))], [passed.fileno()])
        front.sendall(message(GET_FEATURES))
        front.recv(64)
        expect_in("queue 0 cannot start", device.status(), "the status")
        told = device.log().count("queue 0 cannot start")
        check(1 <= told < FLOOD / 10, f"{told} sentences in the log")


@system("vhost-user.names", "the socket's name is never taken from a server that runs")
def names_are_respected():
    with Device() as device:
        done = subprocess.run([GPU, "--vhost-user", device.socket, "--no-venus", "--control", "none"], text=True, timeout=10,
                              capture_output=True, stdin=subprocess.DEVNULL, check=False)
        check(done.returncode == 1 and "another server" in done.stderr, f"{done.returncode}: {done.stderr}")
        with connect(device) as front:
            front.sendall(message(GET_FEATURES))
            check(len(front.recv(64)) == 20, "the first server does not serve any more")
