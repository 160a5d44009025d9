"""Our device unplugged from a machine that runs and plugged in again, behind a root port; the connection to QEMU outlives it.

conformance: S3-16
"""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile

from vitrine_run.device import picture_of
from vitrine_test.suite import TOP

from . import vulkan
from .cases import BOOT_TIMEOUT_S, PROMPT, boot, check, expect_in, newest_qemu, shell, system
from .pci import free_mib
from .venus_server import fd_count, wait_until
from .vhost_user import BAR_COLOURS, FRONTS, GET_FEATURES, Device, connect, message

SET_PROTOCOL_FEATURES, SET_BACKEND_REQ_FD = 16, 21
PROTOCOL_FEATURES = 1 << 5 | 1 << 9  # BACKEND_REQ, CONFIG
IN_SLOT = FRONTS["test-device"] + ",bus=rp0"


def machine(gpu_socket, front="test-device"):
    """Our kernel with the GPU behind a port, in whose window a new one has room for the host's memory."""
    words = ("-machine", "memory-backend=ram", "-object", "memory-backend-memfd,id=ram,size=512M,share=on",
             "-chardev", f"socket,id=gpu,path={gpu_socket}",
             "-device", "pcie-root-port,id=rp0,chassis=1,slot=1,pref64-reserve=512M", "-device", FRONTS[front] + ",bus=rp0")
    return boot(bus="pci", gpu=False, qemu=newest_qemu(), extra=words)


def unplug(guest):
    guest.qmp.command("device_del", id="gpu0")
    guest.expect(r"01:00\.0: 1af4:1050 is out of its slot", 5)
    is_free = False
    while not is_free:  # its inner half is first; only then may another take the connection
        guest.qmp.events.clear()
        event = guest.qmp.wait_event("DEVICE_DELETED", 5)
        check(event is not None, "QEMU does not let go of its device", guest)
        is_free = event["data"].get("device") == "gpu0"
    expect_in(r"there is no display", shell(guest, "gpu test"), "drawing without a GPU")


def monitor(guest, command):
    said = guest.qmp.command("human-monitor-command", command_line=command)
    check(said == "", f"{command}: {said}", guest)


def plug(guest, chardev="gpu"):
    monitor(guest, "device_add " + IN_SLOT.replace("chardev=gpu", f"chardev={chardev}"))
    guest.expect(r"01:00\.0: 1af4:1050 is in its slot now", 5)
    guest.expect(r"gpu: display 1280x800", 5)


def doctor(device):
    command = [os.path.join(TOP, "build/bin/vitrine"), "doctor", "--control", device.control]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout


@system("vhost-user.plug", "our device goes out of its slot and comes back, again and again: the guest draws, and nothing is left of the old one")
def goes_and_comes():
    with Device("--verbose") as device, machine(device.socket) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        before, fds = free_mib(guest), fd_count(device.child())
        for n in range(1, 4):
            unplug(guest)
            wait_until(lambda c=n: device.log().count("has let go of its device") == c, "the device's own word")
            scanout = json.loads(device.status())["gpu"]["scanouts"][0]
            check(scanout["resource_id"] == 0, f"the old picture is still there: {scanout}", guest)
            expect_in(r"^Our device is unplugged", doctor(device), "what the doctor says")
            plug(guest)
            shell(guest, "gpu test")
            check(len(picture_of(device.control).colours()) == BAR_COLOURS, "the bars are not on the display that was plugged in", guest)
        check(json.loads(device.status())["front"]["sessions"] == 1, "the connection did not outlive its device", guest)
        wait_until(lambda: fd_count(device.child()) == fds, f"{fds} open files, as before")
        check(free_mib(guest) == before, f"{before} were free before, {free_mib(guest)} are now", guest)


@system("vhost-user.restart", "after the device process was killed, another one is plugged into the machine that runs, and the guest draws on it")
def restarts():
    with Device() as device, machine(device.socket) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        os.kill(device.child(), signal.SIGKILL)
        device.process.wait(10)
        expect_in(r"no answer|not there|the deadline passed", shell(guest, "gpu test"), "drawing without the device process")
        unplug(guest)
        with device:
            monitor(guest, f"chardev-add socket,id=again,path={device.socket}")
            plug(guest, "again")
            shell(guest, "gpu test")
            check(len(picture_of(device.control).colours()) == BAR_COLOURS, "the bars are not on the new device's display", guest)


@system("vulkan.plug", "Vulkan goes with our device and comes back with it; the renderers of the old one end")
def vulkan_goes_and_comes():
    with tempfile.TemporaryDirectory(prefix="vitrine-test-") as where:
        device = vulkan.Device(where)
        with contextlib.ExitStack() as after:
            after.callback(device.stop)
            guest = after.enter_context(machine(device.socket))
            guest.expect(PROMPT, BOOT_TIMEOUT_S)
            for _ in range(2):
                expect_in(r"all as this CPU has them", shell(guest, "vulkan compute"), "Vulkan of the device in its slot")
                unplug(guest)
                wait_until(lambda: not device.has_context(), "the end of the old one's contexts")
                plug(guest)
            expect_in(r"all as this CPU has them", shell(guest, "vulkan compute"), "Vulkan of the last one")


def has_features(device):
    return int(json.loads(device.status())["front"]["protocol_features"], 16) == PROTOCOL_FEATURES


def give_socket(front):
    """A socket for the back-end's requests.  Gives the front-end's end of it."""
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(front, [message(SET_BACKEND_REQ_FD)], [theirs.fileno()])
    return ours


def begin(front):
    """A device's first words."""
    front.sendall(message(SET_PROTOCOL_FEATURES, struct.pack("<Q", PROTOCOL_FEATURES)))
    return give_socket(front)


@system("vhost-user.let-go", "a front-end that closes the back-end's socket and begins anew at once is understood, whatever is seen first")
def lets_go_and_begins_anew():
    with Device("--verbose") as device, connect(device) as front:
        back = begin(front)
        wait_until(lambda: has_features(device), "the first device")
        for n in range(1, 5):
            os.kill(device.child(), signal.SIGSTOP)  # so that all of it is found at once, this socket first
            front.sendall(message(GET_FEATURES))
            back.close()
            back = begin(front)
            front.sendall(message(GET_FEATURES))
            os.kill(device.child(), signal.SIGCONT)
            check([len(front.recv(20)) for _ in range(2)] == [20, 20], "no answers on the connection that stayed")
            check(device.log().count("has let go of its device") == n, "what the old device had is not dropped")
            check(has_features(device), f"what the new device said is forgotten: {device.status()}")
        back.close()
        wait_until(lambda: not has_features(device), "the end of the last device")
        check("is left" not in device.log(), f"the front-end was left:\n{device.log()}")


@system("vhost-user.renewed", "a front-end that closes the back-end's socket and gives another keeps its device, whatever is seen first")
def socket_is_renewed():
    with Device("--verbose") as device, connect(device) as front:
        back = begin(front)
        wait_until(lambda: has_features(device), "the device")
        for is_at_once in (True, False):
            os.kill(device.child(), signal.SIGSTOP)
            back.close()
            if not is_at_once:
                os.kill(device.child(), signal.SIGCONT)
                device.status()  # its loop has found the end of the socket
            back = give_socket(front)
            os.kill(device.child(), signal.SIGCONT)
            front.sendall(message(GET_FEATURES))
            check(len(front.recv(20)) == 20, "no answer on the connection")
            check(has_features(device), f"what the front-end said is forgotten: {device.status()}")
        back.close()
        wait_until(lambda: not has_features(device), "the end of the device")
        check(device.log().count("has let go of its device") == 1, f"it was let go of more than once:\n{device.log()}")


@system("vhost-user.no-plug", "QEMU refuses to unplug its own front-end of a GPU, with a sentence; the guest's picture stays")
def gpu_front_is_fixed():
    with Device() as device, machine(device.socket, "gpu") as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        said = guest.qmp.command("human-monitor-command", command_line="device_del gpu0")
        expect_in(r"does not support hotplugging", said, "QEMU's answer: if it takes the device out now, test that")
        wait_until(lambda: len(guest.screendump().colours()) == BAR_COLOURS, "the bars", 5)
