"""What a person sees and asks of a device: pictures in a window, by VNC and as PNG, status, sizes.

On a device without a guest (tests/view/view_rig.c), whose pictures are known pixel by pixel.
"""

import contextlib
import json
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time
import zlib

from vitrine_test.suite import TOP, Failed, Suite, run_program

from .cases import check, expect_in, registry
from .venus_server import FAKE, wait_until
from .x_display import Display

BIN = os.path.join(TOP, "build/host/bin")
_build_lock = threading.Lock()
_built = []


def view(name, about):
    def register(function):
        def run():
            with _build_lock:
                if not _built:
                    run_program(["make", "-s", f"-j{os.cpu_count() or 1}", "view-tests"], 900, what="make view-tests")
                    _built.append(True)
            with tempfile.TemporaryDirectory(prefix="vitrine-test-") as where:
                function(where)

        registry.append(Suite(f"system.view.{name}", about, run))
        return function

    return register


class Rig:
    """The device without a guest: rig("draw 0 3") draws, rig.vitrine(...) asks it."""

    def __init__(self, where, way="none", control=None, **environment):
        self.where = where
        self.control = control or os.path.join(where, "control")
        self.problems = []
        # SDL and X keep memory until they end
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": where, "ASAN_OPTIONS": "detect_leaks=0", **environment}
        self.process = subprocess.Popen(
            [os.path.join(BIN, "view_rig"), self.control, way], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=self.environment,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.first = self.process.stdout.readline().strip()

    def _read(self):
        for line in self.process.stderr:
            self.problems.append(line.rstrip("\n"))

    def __enter__(self):
        check(self.first == "ready", f"the rig does not start: {self.problems}")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        status = self.process.wait(20)
        if status != 0:
            raise Failed(f"the rig's exit status is {status}: {self.problems}")

    def __call__(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def viewer(self):
        wait_until(lambda: any("viewer" in p for p in self.problems), "the rig names its viewer's process")
        return int(next(p for p in self.problems if "viewer" in p).rpartition(" ")[2])

    def vitrine(self, *arguments, expect=0):
        done = subprocess.run([os.path.join(FAKE, "vitrine"), *arguments], capture_output=True, text=True, env=self.environment,
                              timeout=30, check=False, cwd=self.where)
        check(done.returncode == expect, f"vitrine {' '.join(arguments)}: exit status {done.returncode}: {done.stderr}")
        return done.stdout if expect == 0 else done.stderr


def pattern(number, width, height, cursor=None):
    """Rows of RGB bytes of the rig's pattern; cursor: (x, y, rgb) of its 16×16 pixels."""
    rows = []
    for y in range(height):
        row = bytearray(3 * width)
        row[0::3] = bytes([(number * 40 + 15) & 255]) * width
        row[1::3] = bytes(x & 255 for x in range(width))
        row[2::3] = bytes([y & 255]) * width
        if cursor and cursor[1] <= y < cursor[1] + 16:
            row[3 * cursor[0]:3 * (cursor[0] + 16)] = bytes(cursor[2]) * 16
        rows.append(bytes(row))
    return rows


def expect_rows(rows, expected, what):
    check(len(rows) == len(expected) and len(rows[0]) == len(expected[0]), f"{what}: another size")
    for y, (row, right) in enumerate(zip(rows, expected)):
        x = next((i // 3 for i in range(len(right)) if row[i] != right[i]), None)
        check(x is None, f"{what}: pixel ({x}, {y}) is {row[3 * (x or 0):][:3].hex()}, not {right[3 * (x or 0):][:3].hex()}")


def paeth(a, b, c):
    p = a + b - c
    return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]


def unfilter(kind, line, above):
    out = bytearray(line)
    for i, _ in enumerate(out):
        a, c = (out[i - 3], above[i - 3]) if i >= 3 else (0, 0)
        b = above[i]
        out[i] = (out[i] + (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]) & 255
    return bytes(out)


def read_png(path):
    """Rows of RGB bytes of an 8-bit RGB picture."""
    with open(path, "rb") as f:
        data = f.read()
    check(data[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is no PNG")
    at, body = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + size]
        check(zlib.crc32(kind + chunk) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0], f"{path}: checksum of {kind}")
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", chunk[:10])
            check((depth, colour) == (8, 2), f"{path}: depth {depth}, colour {colour}")
        body += chunk if kind == b"IDAT" else b""
        at += 12 + size
    raw, rows = zlib.decompress(body), []
    above = bytes(3 * width)
    for y in range(height):
        line = raw[y * (3 * width + 1):(y + 1) * (3 * width + 1)]
        above = unfilter(line[0], line[1:], above)
        rows.append(above)
    return rows


@view("screenshot", "vitrine screenshot writes the guest's pixels as PNG, and says why when there are none")
def screenshot(where):
    with Rig(where, control="own") as rig:
        path = os.path.join(where, "a.png")
        expect_in("shows nothing", rig.vitrine("screenshot", path, expect=1), "before the first picture")
        check(not os.path.exists(path), "a file was written for no picture")
        rig("show 0 300 77")
        rig("draw 0 4")
        rig("cursor 0 5 5 0xffffffff")
        rig.vitrine("screenshot", path)
        expect_rows(read_png(path), pattern(4, 300, 77), "the PNG")
        rig("show 2 1 1")
        rig("draw 2 1")
        rig.vitrine("screenshot", "--scanout", "2", path)
        expect_rows(read_png(path), pattern(1, 1, 1), "the PNG of display 2")
        expect_in("no scanout 3: this device has 3", rig.vitrine("screenshot", path, "--scanout", "3", expect=1), "scanout 3")
        expect_in("cannot write", rig.vitrine("screenshot", "/no/a.png", expect=1), "a file that cannot be")


@view("control", "vitrine status, resize, plug and unplug reach the one device that runs; which one is asked for, when two do")
def control(where):
    with Rig(where, control="own") as rig:
        text = rig.vitrine("status")
        for words in (
            r"^  front end: +view_rig$", r"^  features: +2D, EDID$", r"^  features offered: +EDID RESOURCE_BLOB CONTEXT_INIT$",
            r"driver took: +EDID RESOURCE_BLOB$", r"^  memory: +4.9 MiB of at most 1.0 GiB .* 3.9 MiB for 2D pictures and the viewer$", r"^  memory in blobs: +1.0 MiB of at most 1.0 GiB$",
            r"^  0 +1280x800 +1280x800 at \(0,10\) of resource 7 +5 times, .* s ago +at \(3,4\)$",
            r"^  1 +nothing +nothing: the guest has set no resource$", r"^  7 +2d +1280x800 +3.9 MiB",
            r"vk\?\[2Jcube +12 .* dead: its renderer was killed$", r"^  controlq +packed, 256 +30 +29 +30 +2$",
            r"cannot be: 2, the last of them\n  FLUSH: no resource 9$",
        ):
            expect_in(words, text, "vitrine status")
        answer = json.loads(rig.vitrine("status", "--json"))
        check(answer["ok"] and answer["front"]["front_end"] == "view_rig" and len(answer["gpu"]["scanouts"]) == 2, f"status: {answer}")
        rig.vitrine("resize", "1920x1080")
        check(rig("display 0") == "1920 1080 1", "resize did not reach the device")
        rig.vitrine("plug", "--scanout", "1", "800x600")
        check(rig("display 1") == "800 600 1", "plug did not reach the device")
        rig.vitrine("unplug", "--scanout", "1")
        check(rig("display 1") == "800 600 0", "unplug did not reach the device")
        expect_in("no display is plugged in", rig.vitrine("resize", "1x1", "--scanout", "1", expect=1), "resize of nothing")
        expect_in("1 to 16384", rig.vitrine("resize", "16385x1", expect=1), "a size out of range")
        with Rig(where, control="own") as other:
            expect_in("2 devices run; say which: --control .* or --control", rig.vitrine("status", expect=1), "two devices")
            own = os.path.join(where, "vitrine", f"gpu-{other.process.pid}.control")
            other.vitrine("resize", "111x222", "--control", own)
            check(other("display 0") == "111 222 1" and rig("display 0") == "1920 1080 1", "--control chose the wrong device")
        rig.vitrine("status")  # the other has gone, and with it the question
    expect_in("no device of yours runs", rig.vitrine("status", expect=1), "without a device")


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def shot(rig, port, *size):
    """What a VNC client sees: its desktop's name and rows of RGB bytes."""
    path = os.path.join(rig.where, "vnc.ppm")
    text = run_program([os.path.join(BIN, "vnc_shot"), str(port), path, *[str(s) for s in size]], 30)
    with open(path, "rb") as f:
        data = f.read()
    header = data.split(b"\n", 3)
    width, height = (int(word) for word in header[1].split())
    return text.splitlines()[0], [header[3][i * 3 * width:(i + 1) * 3 * width] for i in range(height)]


@view("vnc", "a VNC client sees the guest's pictures and cursor, whole and in parts; resizes; its server is on 127.0.0.1 only")
def vnc(where):
    port = free_port()
    with Rig(where, way=f"vnc:{port}") as rig:
        name, rows = shot(rig, port)
        check(name == "Vitrine: rig nothing shown" and len(rows) == 400, f"before the first picture: {name}, {len(rows)} rows")
        rig("show 0 320 240")
        rig("draw 0 2")
        rig("cursor 0 33 44 0xff00ff80")
        name, rows = shot(rig, port)
        check(name == "Vitrine: rig 320x240", f"the desktop is called {name}")
        expect_rows(rows, pattern(2, 320, 240, (33, 44, (0, 255, 128))), "by VNC")
        rig("cursor 0 33 44 0")
        rig("part 0 3 100 50 60 70")
        expected = pattern(2, 320, 240)
        for y, row in list(enumerate(pattern(3, 320, 240)))[50:120]:
            expected[y] = expected[y][:300] + row[300:480] + expected[y][480:]
        expect_rows(shot(rig, port)[1], expected, "after a part was flushed")
        rig("show 1 64 48")
        rig("draw 1 5")
        name, rows = shot(rig, port + 1)
        check(name == "Vitrine: rig display 1 64x48", f"the second display is called {name}")
        expect_rows(rows, pattern(5, 64, 48), "the second display")
        shot(rig, port, 500, 400)
        wait_until(lambda: rig("display 0") == "500 400 1", "a VNC client's wanted size reaches the device")
        with open("/proc/net/tcp", encoding="ascii") as f:
            listens = [line.split()[1] for line in f if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")]
        check(listens == [f"0100007F:{port:04X}"], f"VNC listens on {listens}")
        second = Rig(where, way=f"vnc:{port}", control=os.path.join(where, "second"))
        second.process.wait(20)
        wait_until(lambda: second.problems, "a taken port is said")
        expect_in(f"VNC cannot listen on 127.0.0.1:{port}: choose another port", "\n".join(second.problems), "a taken port")


@view("viewer-dies", "a viewer that is killed or stopped leaves the device running; the device's death ends the viewer")
def viewer_dies(where):
    port = free_port()
    with Rig(where, way=f"vnc:{port}") as rig:
        rig("show 0 64 48")
        viewer = rig.viewer()
        os.kill(viewer, 19)  # SIGSTOP: it reads nothing
        for i in range(3000):
            check(rig(f"cursor 0 {i} 0 0xffffffff") == "ok" and rig("draw 0 1") == "ok", "the device waits for its viewer")
        os.kill(viewer, 9)
        wait_until(lambda: any("the device runs on" in p for p in rig.problems), "the device says that its viewer is gone")
        rig("draw 0 6")
        rig.vitrine("screenshot", "--control", rig.control, "a.png")
        expect_rows(read_png(os.path.join(where, "a.png")), pattern(6, 64, 48), "after the viewer's death")
    with Rig(where, way=f"vnc:{port}") as rig:
        viewer = rig.viewer()
    wait_until(lambda: not os.path.exists(f"/proc/{viewer}"), "the viewer ends with its device")


def only_window(x, ending):
    found = {title: place for title, place in x.windows().items() if title.endswith(ending)}
    return next(iter(found.items())) if found else None


def window_when(x, ending):
    wait_until(lambda: only_window(x, ending), f"a window whose title ends with '{ending}' (there is {list(x.windows())})")
    return only_window(x, ending)[1]


def see(x, place, expected, what):
    """Waits until the window shows these rows."""
    _, left, top, width, height = place
    deadline = time.monotonic() + 5
    while x.pixels(left, top, width, height) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    expect_rows(x.pixels(left, top, width, height), expected, what)


@view("window", "a window shows the guest's pictures and cursor and names them; a person resizes and closes it")
def window(where):
    with Display() as x, Rig(where, way="window", **x.environment) as rig:
        window_when(x, "rig nothing shown")
        rig("show 0 320 240")
        rig("draw 0 1")
        rig("cursor 0 300 210 0xffff0000")
        window_when(x, "Vitrine: rig 320x240")
        wait_until(lambda: window_when(x, "320x240")[3:] == (320, 240), "the window has the picture's size")
        place = window_when(x, "320x240")
        see(x, place, pattern(1, 320, 240, (300, 210, (255, 0, 0))), "the window")
        rig("cursor 0 300 210 0")
        rig("draw 0 2")
        see(x, place, pattern(2, 320, 240), "the next picture")
        x.resize(place[0], 400, 300)
        wait_until(lambda: rig("display 0") == "400 300 1", "the size that a person chose reaches the device")
        rig("show 0 400 300")
        rig("draw 0 3")
        see(x, window_when(x, "rig 400x300"), pattern(3, 400, 300), "the guest in the size that was asked for")
        check(rig("display 0") == "400 300 1", "the guest's own size was asked for again")
        rig("show 1 200 100")
        rig("draw 1 4")
        second = window_when(x, "rig display 1 200x100")
        x.close(second[0])
        wait_until(lambda: len(x.windows()) == 1, "the second display's window closes alone")
        x.close(window_when(x, "rig 400x300")[0])
        wait_until(lambda: any("the device runs on" in p for p in rig.problems), "the device says that its window was closed")
        check(rig("draw 0 4") == "ok", "the device went with its window")
    for driver in ("x11", ""):  # by itself, SDL takes one that shows nothing
        rig = Rig(where, way="window", DISPLAY=":9999", WAYLAND_DISPLAY="", SDL_VIDEODRIVER=driver)
        rig.process.wait(20)
        wait_until(lambda r=rig: r.problems, "no desktop is said")
        expect_in("no window can be opened .*--view vnc", "\n".join(rig.problems), "without a desktop")
