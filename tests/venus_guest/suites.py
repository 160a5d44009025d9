"""vitrine-render in the place of virglrenderer's own render server, under programs nobody changed (./test --long).

conformance: S3-08 S3-15 S3-16

Under Debian's virgl_test_server, and under Debian's QEMU with a Linux guest: the guest's Mesa finds a Venus device, computes
and draws as the host driver itself does, and our renderer's own words say that it was the one who did it.
"""

import os
import re
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree

from vitrine_test.suite import TOP, Failed, Skipped, Suite, run_program, tail
from vitrine_test.vulkan_setup import vulkan_paths

from venus.running import MARK, expect, marked, native_hash, picture_hash, program, see_nothing_left

sys.path.insert(0, os.path.join(TOP, "tools", "peers"))
import roots  # noqa: E402
import venus_peer  # noqa: E402
import venus_qemu  # noqa: E402
from apt_private import SetupError  # noqa: E402

BUILD = os.path.join(TOP, "build")
RENDER = os.path.join(BUILD, "bin/vitrine-render")
DEVICE = r"^\s*deviceName\s*= Virtio-GPU Venus \(llvmpipe"
VERSION = r"^\s*apiVersion\s*= 1\.[34]\."
REGISTRY = os.path.join(BUILD, "deps/vulkan/registry/vk.xml")
VKMARK = ["--winsys", "headless", "-s", "200x200", "-b", "clear:duration=1"]  # it wants a swapchain, which the peer has not
GET_CAPSET, MASK_AT = 16, 5 * 4  # a vtest command; where in the capset the mask of extensions begins


def made():
    run_program(["make", "-s", "-j2", "programs", "vulkan-tests"], 1500, what="make programs vulkan-tests")


def brought(ensure, what):
    try:
        ensure()
    except SetupError as e:
        raise Skipped(f"{what} cannot be had: {str(e).splitlines()[0]}") from e


class StockServer(venus_peer.VtestServer):
    """Debian's virgl_test_server, told to start our render server."""

    name = "virgl_test_server"

    def __init__(self, options, release):
        super().__init__(BUILD)
        self.options, self.release = options, release

    def command(self):
        run = os.path.join(roots.place(BUILD, self.release), "run")
        words = [run, "virgl_test_server", "--venus", "--no-virgl", "--socket-path", self.socket()]
        return words, {"RENDER_SERVER_EXEC_PATH": RENDER, "VITRINE_RENDER_OPTIONS": self.options}

    def client(self, words, timeout_s=60, client_icd=None):
        done = venus_peer.run_client(words, dict(self.environment(client_icd), XDG_RUNTIME_DIR=self.directory), timeout_s)
        if done.returncode != 0:
            raise Failed(f"{os.path.basename(words[0])}: exit status {done.returncode}\n{tail(done.stdout)}\n{tail(self.log())}")
        return done.stdout


def extensions(path):
    """The numbers of the extensions that the server of a vtest socket says can be decoded."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(struct.pack("<II", 5, 8) + b"mask\0" + struct.pack("<IIII", 2, GET_CAPSET, 4, 0))
        reply = b""
        while len(reply) < 12 + 160:
            more = s.recv(4096)
            if not more:
                raise Failed(f"the server closed after {len(reply)} bytes of its capset")
            reply += more
    words = struct.unpack_from("<32I", reply, 12 + MASK_AT)
    return {i for i in range(1024) if words[i // 32] >> i % 32 & 1}


def see_extensions(path, wanted):
    """All that a stock server lets its clients send, in our own registry's numbers, is what we decode."""
    known = {int(e.get("number")): e.get("name") for e in ElementTree.parse(REGISTRY).iter("extension") if e.get("number")}
    with open(os.path.join(BUILD, "gen/venus/vn_tables.c"), encoding="utf-8") as f:
        ours = set(re.findall(r'^    \{"(VK_\w+)", \d+, \d+\},$', f.read(), re.M))
    names = {known.get(n, "?") for n in extensions(path)} - {"?"}
    missing = sorted(n for n in names - ours if not re.search(r"_extension_\d+$", n))
    if missing or len(names & ours) < wanted:
        raise Failed(f"{len(names & ours)} extensions in common; virglrenderer's clients may send {missing}, which we do not know")


def see_picture(text, where):
    if picture_hash(text) != native_hash():
        raise Failed(f"vkt_picture in {where}: {picture_hash(text)}; on the host driver itself {native_hash()}")


def stock_vtest(release, extension_count):
    brought(lambda: venus_peer.fetch(BUILD), "Debian 13's virgl_test_server")
    brought(lambda: roots.ensure(BUILD, release), f"virgl_test_server of {release}")
    made()
    with tempfile.TemporaryDirectory(prefix="vitrine-test-") as where:
        trace = os.path.join(where, "trace")
        with StockServer(f"--verbose --trace {trace}", release) as server:
            see_extensions(server.socket(), extension_count)
            text = server.client([vulkan_paths("mesa")["vulkaninfo"], "--summary"])
            expect(DEVICE, text, "vulkaninfo")
            expect(VERSION, text, "vulkaninfo")
            expect("all right on Virtio-GPU Venus", server.client([program("vkt_compute")]), "vkt_compute")
            see_picture(server.client([program("vkt_picture")]), "virgl_test_server")
            server.client([os.path.join(roots.place(BUILD, "trixie"), "bin/vkmark"), *VKMARK], 60, roots.icd(BUILD, "trixie", "virtio"))
            server.client([program("vkt_stress"), "--threads", "1", "--timeout", "90"], 100)
            for name in ("vulkaninfo", "vkt_compute", "vkt_picture", "vkmark", "vkt_stress"):
                expect(rf"^.*vitrine-render: client {name}: connected$", server.log(), "virgl_test_server's log")
        with open(trace, encoding="utf-8", errors="replace") as f:
            expect(r"^vkt_stress: -> .*vkQueueSubmit", f.read(), "our renderer's trace of its last client")


def see_work(log, name, command):
    """Our renderer's statistics of one program of the guest."""
    report = expect(rf"^client {name}$(?:\n.+)*", log, "what vitrine-render said").group(0)
    expect(rf"^  {command} +[1-9]", report, f"statistics of {name}")
    expect(r"^fatal no$", report, f"statistics of {name}")


GUEST = {
    "vulkaninfo": ["vulkaninfo", "--summary"],
    "vkt_compute": ["/programs/vkt_compute"],
    "vkt_picture": ["/programs/vkt_picture"],
}
# Mesa writes a timeline's new value into its feedback memory after it has sent the signal: a renderer that is faster is
# overwritten, and the wait never ends (with virglrenderer's too).  On an emulated processor that is not rare.
GUEST_MORE = {
    "vkt_stress": ["env", "VN_PERF=no_semaphore_feedback", "/programs/vkt_stress", "--timeout", "150"],
    "vkmark": ["vkmark", *VKMARK],
}


def guest(qemu, programs):
    brought(lambda: venus_qemu.ensure(BUILD, qemu), "QEMU and its guest")
    made()
    try:
        outcome = venus_qemu.run(BUILD, RENDER, programs, 300, "--verbose --stats", qemu)
    except venus_peer.TimedOut as e:
        raise Failed(f"{e}\n{tail(e.output)}") from e
    expect(r"^guest: kernel .*\brenderD128\b", outcome.serial, "the guest")
    for name in programs:
        if outcome.status(name) != 0:
            raise Failed(f"{name} in the guest: status {outcome.status(name)}\n{tail(outcome.serial)}\n{tail(outcome.log)}")
    expect(DEVICE, outcome.output("vulkaninfo"), "vulkaninfo in the guest")
    expect(VERSION, outcome.output("vulkaninfo"), "vulkaninfo in the guest")
    expect("all right on Virtio-GPU Venus", outcome.output("vkt_compute"), "vkt_compute in the guest")
    see_picture(outcome.output("vkt_picture"), "the guest")
    see_work(outcome.log, "vkt_compute", "vkCmdDispatch")
    see_work(outcome.log, "vkt_picture", "vkCmdDraw")


def processes(mark, is_ours):
    """Of all that a guest's QEMU started and itself: the renderers, or the others."""
    found = []
    for pid in marked(mark):
        try:
            if (os.readlink(f"/proc/{pid}/exe") == RENDER) == is_ours:
                found.append(int(pid))
        except OSError:
            continue  # it has ended
    return found


def busy_worker(mark):
    """A renderer with threads of its own: it has a context with a ring."""
    for pid in processes(mark, True):
        try:
            if len(os.listdir(f"/proc/{pid}/task")) >= 4:
                return pid
        except OSError:
            continue
    return None


class Killer(threading.Thread):
    """Kills, a moment after a guest's context is there, what `whom` names; once."""

    def __init__(self, mark, whom):
        super().__init__(daemon=True)
        self.mark, self.whom, self.killed, self.end = mark, whom, [], time.monotonic() + 120

    def run(self):
        while time.monotonic() < self.end and not self.killed:
            time.sleep(0.05)
            if busy_worker(self.mark):
                time.sleep(0.5)
                self.killed = self.whom(self.mark)
                for pid in self.killed:
                    os.kill(pid, signal.SIGKILL)


def while_killing(whom, programs):
    """Runs the programs while `whom` is killed; gives the Outcome.  Nothing may be left afterwards."""
    with tempfile.TemporaryDirectory(prefix="vitrine-test-") as where:
        killer = Killer(where, whom)
        killer.start()
        try:
            outcome = venus_qemu.run(BUILD, RENDER, programs, 150, "--verbose", added={MARK: where})
        except venus_peer.TimedOut as e:
            raise Failed(f"{e}\n{tail(e.output)}") from e
        if not killer.killed:
            raise Failed(f"there was nobody to kill:\n{tail(outcome.log)}")
        see_nothing_left(where)
        return outcome


def kill_renderer(mark):
    return [pid for pid in [busy_worker(mark)] if pid]


def kill_qemu(mark):
    return processes(mark, False)


def guest_faults():
    brought(lambda: venus_qemu.ensure(BUILD), "QEMU and its guest")
    made()
    outcome = while_killing(kill_renderer, {"vkt_stress": GUEST_MORE["vkt_stress"], "vkt_compute": GUEST["vkt_compute"]})
    expect(r"^vitrine-render: client vkt_stress: its renderer was killed by signal 9", outcome.log, "vitrine-render")
    if outcome.status("vkt_stress") in (0, None) or outcome.status("vkt_compute") != 0:
        raise Failed(f"of a killed renderer and the next one's program:\n{tail(outcome.serial)}\n{tail(outcome.log)}")
    outcome = while_killing(kill_qemu, {"vkt_stress": GUEST_MORE["vkt_stress"]})
    if outcome.status("vkt_stress") is not None:
        raise Failed(f"QEMU was killed, and its guest went on:\n{tail(outcome.serial)}")


def suites():
    return [
        Suite("long.venus.stock-vtest", "Debian 13's own virgl_test_server renders through vitrine-render",
              lambda: stock_vtest("trixie", 100), long_only=True),
        Suite("long.venus.stock-vtest-newest", "the newest virgl_test_server too", lambda: stock_vtest("sid", 150), long_only=True),
        Suite("long.venus.qemu", "a Linux guest of unmodified QEMU computes and draws through vitrine-render",
              lambda: guest("backports", {**GUEST, **GUEST_MORE}), long_only=True, alone=True),
        Suite("long.venus.qemu-release", "the same under Debian 13's own QEMU 10.0, with programs that unmap little",
              lambda: guest("release", GUEST), long_only=True, alone=True),
        Suite("long.venus.qemu-faults", "a killed renderer ends one guest program, a killed QEMU all its renderers",
              guest_faults, long_only=True, alone=True),
    ]
