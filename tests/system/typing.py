"""A person at the view of our device: what is typed in its window or by VNC reaches the guest's keyboard and tablet."""

import os
import socket
import struct
import time

from vitrine_run.device import Device
from vitrine_run.guest import Guest
from vitrine_run.machine import Machine

from .cases import BOOT_TIMEOUT_S, PROMPT, TOP, expect_in, newest_qemu, shell, system
from .venus_front import _build_lock, _built
from .view import free_port, window_when
from .x_display import Display

SHIFT, RETURN = 0xFFE1, 0xFF0D
KEY_S = 0.01  # between keys: the keyboard has room for 32 that the guest has not taken
WORDS = "echo Hi! a_B"


class Vnc:
    """As much of a VNC client as types and points (RFC 6143)."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self._read(12)
        self.socket.sendall(b"RFB 003.008\n")
        self._read(self._read(1)[0])
        self.socket.sendall(b"\1")  # no password
        self._read(4)
        self.socket.sendall(b"\1")  # shared
        self._read(20)
        self._read(struct.unpack(">I", self._read(4))[0])

    def _read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise OSError("the VNC server has left")
            data += more
        return data

    def key(self, keysym, is_down):
        self.socket.sendall(struct.pack(">BBHI", 4, is_down, 0, keysym))

    def point(self, buttons, x, y):
        self.socket.sendall(struct.pack(">BBHH", 5, buttons, x, y))

    def close(self):
        self.socket.close()


def start_device(*options, environment=None):
    with _build_lock:
        _built("programs")
    return Device(os.path.join(TOP, "build"), None, ["--no-venus", *options], log="said", environment=environment)


def machine(device):
    return Machine(qemu=newest_qemu(), gpu_socket=device.socket, input_socket=device.input)


def type_words(key):
    """key(character or keysym, is_down), with shift as a person holds it."""
    for character in WORDS + "\r":
        needs_shift = character.isupper() or character in "!_"
        keysym = RETURN if character == "\r" else ord(character)
        for pressed in ([SHIFT] if needs_shift else []) + [keysym]:
            key(pressed, True)
            time.sleep(KEY_S)
        for released in [keysym] + ([SHIFT] if needs_shift else []):
            key(released, False)
            time.sleep(KEY_S)


@system("typing.vnc", "what a VNC client of our device types is a command of the kernel's shell; its pointer is the tablet")
def by_vnc():
    port = free_port()
    with start_device("--view", f"vnc:{port}") as device, Guest(machine(device), device=device) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        vnc = Vnc(port)
        type_words(vnc.key)
        guest.expect(r"^Hi! a_B$", 10)
        guest.expect(PROMPT, 5)
        guest.send("input watch 3")
        guest.expect("input watch", 5)
        vnc.point(0, 1279, 0)
        vnc.point(1, 640, 799)
        guest.expect(r"absolute\(3\) code 0 value 32767$", 10)
        guest.expect(r"absolute\(3\) code 0 value 163\d\d$", 10)
        guest.expect(r"absolute\(3\) code 1 value 32767$", 10)
        guest.expect(r"key\(1\) code 272 value 1$", 10)
        guest.expect(PROMPT, 10)
        vnc.key(ord("x"), True)  # and leaves: the guest must not be left with a key down
        vnc.close()
        expect_in(r"up", shell(guest, "echo up"), "the guest after the client has left")


@system("typing.window", "what is typed in the window of our device is a command of the kernel's shell")
def by_window():
    with Display() as x, start_device("--view", "window", environment=x.environment) as device, \
            Guest(machine(device), device=device) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        window = window_when(x, "1280x800")[0]
        type_words(lambda keysym, is_down: x.key(window, keysym, is_down))
        guest.expect(r"^Hi! a_B$", 10)
