"""The network: addresses, ping, a page from a server on this host, raw frames on a cable, log lines to a collector.

conformance: S2-01 S2-02 S2-03 S2-04 S2-13
"""

import contextlib
import http.server
import os
import re
import socket
import socketserver
import struct
import tempfile
import threading

from vitrine_test.suite import Skipped

from .cases import BOOT_TIMEOUT_S, PROMPT, boot, check, exec_status, expect_in, run_command, shell, system

PAGE = b"<html>Vitrine fetched this page.</html>\n"
LARGE = bytes(i * 7 % 251 for i in range(300_000))  # more than any window: the transfer has to flow
MAC = bytes.fromhex("525400123456")
VARIANTS = (("mmio2-split", {}), ("mmio2-packed", {"rings": "packed"}), ("mmio1", {"mmio": 1}), ("smp4-gicv2", {"smp": 4, "gic": 2}))


def fnv1a(data):
    """The checksum that `net fetch` prints."""
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


class Pages(http.server.BaseHTTPRequestHandler):
    """Serves two pages, and 404 for the rest."""

    def do_GET(self):
        body = {"/": PAGE, "/large": LARGE}.get(self.path)
        self.send_response(200 if body else 404)
        body = body or b"no such page\n"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server:
    """A web server on a free port of this host, for the time of a `with` block; gives the port."""

    def __enter__(self):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self._server.server_address[1]

    def __exit__(self, *exc):
        self._server.shutdown()
        self._server.server_close()


def fetches(**choices):
    with Server() as port, boot(**choices) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        expect_in(r"^address 10\.0\.2\.15 mask 255\.255\.255\.0 gateway 10\.0\.2\.2 dns 10\.0\.2\.3$", shell(guest, "net up"),
                  "the address by DHCP")
        expect_in(r"^3 sent, 3 received$", shell(guest, "net ping 10.0.2.2 3"), "the answers to ping")
        page = shell(guest, f"net fetch http://10.0.2.2:{port}/")
        expect_in(r"Vitrine fetched this page", page, "the page")
        expect_in(rf"^status 200, {len(PAGE)} bytes, fnv1a {fnv1a(PAGE):08x},", page, "the summary")
        large = shell(guest, f"net fetch -q http://10.0.2.2:{port}/large", 60)
        expect_in(rf"^status 200, {len(LARGE)} bytes, fnv1a {fnv1a(LARGE):08x},", large, "the large page, byte for byte")
        expect_in(r"^status 404,", shell(guest, f"net fetch http://10.0.2.2:{port}/nowhere"), "the page that is not there")


for _name, _choices in VARIANTS:
    system(f"net.fetch.{_name}", f"DHCP, ping, and pages from a server on this host ({_name})")(
        lambda c=_choices: fetches(**c)
    )


@system("net.errors", "an unreachable host, a closed port and wrong words are one clear line each, and fail")
def errors():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    commands = ("net fetch ftp://10.0.2.2/", f"net fetch http://10.0.2.2:{port}/", "net ping nobody.invalid", "net send 5", "net promisc perhaps")
    failed, output = exec_status(60, exec_commands="; ".join(commands))
    check(failed == len(commands), f"{failed} of {len(commands)} commands failed:\n{output[-2500:]}")


OK = b"HTTP/1.1 200 OK\r\n"
ENDLESS = object()  # body without end
SILENT = object()  # the connection stays open, nothing more comes
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\nchunk \r\n4\r\nend\n\r\n0\r\n\r\n"
MISDEEDS = (
    # path, what the server sends, whether the guest is content, what it says
    ("/kept-open", (OK + b"Content-Length: 5\r\n\r\nwhole", SILENT), True, r"^whole\nstatus 200, 5 bytes, fnv1a"),
    ("/chunked", (CHUNKED, SILENT), True, r"^chunk end\nstatus 200, 10 bytes, fnv1a"),
    ("/to-the-end", (OK + b"\r\nall of it",), True, r"^all of it\nstatus 200, 9 bytes, fnv1a"),
    ("/terminal", (OK + b"\r\na\x9b31m\x1b[31m\xc3\xa9\0\tb",), True, r"^a\.31m\.\[31m\.\.\.\tb$"),
    ("/garbage", (b"\x16\x03\x01\x02\x03", SILENT), False, r"^net: fetch: the server's answer is no HTTP: no status line$"),
    ("/greeting", (b"220 mail.example ESMTP\r\n",), False, r"^net: fetch: the server's answer is no HTTP: no status line$"),
    ("/nothing", (), False, r"^net: fetch: no answer from the server: the server closed the connection$"),
    ("/cut", (OK + b"Content-Length: 100\r\n\r\nabc",), False, r"^net: fetch: only 3 of 100 bytes came: the server closed the connection$"),
    ("/length", (OK + b"Content-Length: 99999999999999999999999\r\n\r\nabc",), False, r"is no HTTP: a Content-Length that is no length$"),
    ("/headers", (OK, b"X: " + b"y" * 100_000), False, r"is no HTTP: headers without end$"),
    ("/missing", (b"HTTP/1.0 404 Not Found\r\n\r\n",), False, r"^status 404, 0 bytes.*\nnet: fetch: status 404 is no success$"),
)
SILENCE = ("/silent", (SILENT,), False, r"^net: fetch: no answer from the server: given up after 30 s$")
SLOW_MISDEEDS = (
    ("/stuck", (OK + b"Content-Length: 9\r\n\r\nabc", SILENT), False, r"^net: fetch: only 3 of 9 bytes came: given up after 30 s$"),
    ("/endless", (OK + b"\r\n", ENDLESS), False, r"^net: fetch: (given up after 64 MiB without an end|only \d+ bytes came: given up after 30 s)$"),
)


class BadServer(socketserver.BaseRequestHandler):
    """Answers each path with its misdeed, whatever the request's version is."""

    def handle(self):
        words = self.request.recv(4096).split()
        path = words[1].decode() if len(words) > 1 else None  # none: the guest was interrupted
        try:
            for part in {one[0]: one[1] for one in MISDEEDS + SLOW_MISDEEDS + (SILENCE,)}.get(path, ()):
                if part is SILENT:
                    self.request.recv(1)  # until the guest ends it
                elif part is ENDLESS:
                    while True:
                        self.request.sendall(bytes(65536))
                else:
                    self.request.sendall(part)
        except OSError:
            pass  # the guest has had enough


class BadServers(socketserver.ThreadingTCPServer):
    """Takes its port again at once, and leaves threads that hang to the end of the program."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


@contextlib.contextmanager
def bad_server_and_guest():
    """Gives (the port of a server that misbehaves, a guest with an address)."""
    with BadServers(("127.0.0.1", 0), BadServer) as server, boot() as guest:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            guest.expect(PROMPT, BOOT_TIMEOUT_S)
            shell(guest, "net up")
            yield server.server_address[1], guest
        finally:
            server.shutdown()


def expect_misdeed(guest, port, misdeed, limit_s):
    path, _, is_well, said = misdeed
    output = shell(guest, f"net fetch {'-q ' if path == '/endless' else ''}http://10.0.2.2:{port}{path}", limit_s)
    expect_in(said, output, f"what is said of {path}")
    check(("net: fetch: " in output) != is_well, f"{path} is reported as {'bad' if is_well else 'good'}:\n{output}")


@system("net.misdeeds", "a web server that cuts, lies, babbles or keeps the line open: the page where there is one, else one clear line")
def misdeeds():
    with bad_server_and_guest() as (port, guest):
        for misdeed in MISDEEDS:
            expect_misdeed(guest, port, misdeed, 10)  # none waits for a timeout
        expect_in(r"^3 sent, 3 received$", shell(guest, "net ping 10.0.2.2 3"), "the answers to ping afterwards")


@system("net.endless", "a page that stops and an endless one are given up; Ctrl-C ends a fetch, and what is typed meanwhile is not lost")
def endless():
    with bad_server_and_guest() as (port, guest):
        guest.send(f"net fetch -q http://10.0.2.2:{port}/endless\n\x03echo typed meanwhile")
        guest.expect(r"^net: fetch: .*: interrupted$", 10)
        guest.expect(r"^typed meanwhile$", 10)
        guest.expect(PROMPT, 10)
        for misdeed in SLOW_MISDEEDS:
            expect_misdeed(guest, port, misdeed, 45)


@system("net.silent", "a server that never answers is given up after half a minute", long_only=True)
def silent():
    with bad_server_and_guest() as (port, guest):
        expect_misdeed(guest, port, SILENCE, 45)


class Cable:
    """The host's end of a cable: each datagram is one Ethernet frame."""

    def __enter__(self):
        self._host = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._host.bind(("127.0.0.1", 0))
        self._host.settimeout(10)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self._guest_port = probe.getsockname()[1]
        self.netdev = (f"dgram,local.type=inet,local.host=127.0.0.1,local.port={self._guest_port},"
                       f"remote.type=inet,remote.host=127.0.0.1,remote.port={self._host.getsockname()[1]}")
        return self

    def __exit__(self, *exc):
        self._host.close()

    def send(self, frame):
        self._host.sendto(frame, ("127.0.0.1", self._guest_port))

    def receive(self, wanted):
        """The next frame that begins with `wanted`; others (the guest's own) are passed over."""
        while True:
            frame = self._host.recv(2048)
            if frame.startswith(wanted):
                return frame


def frames_travel(**choices):
    frame = bytes.fromhex("ffffffffffff") + MAC + bytes.fromhex("88b5") + bytes(range(50))
    with Cable() as cable, boot(netdev=cable.netdev, **choices) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        expect_in(r"^MAC 52:54:00:12:34:56, MTU 1500, link up", shell(guest, "net info"), "the device's description")
        shell(guest, f"net send {frame.hex()}")
        got = cable.receive(frame[:14])
        check(got[: len(frame)] == frame, f"the host received {got.hex()}", guest)
        guest.send("net receive 1 10")
        guest.expect(r"net receive 1 10\n", 5)
        answer = MAC + bytes.fromhex("020000000001") + bytes.fromhex("88b5") + b"from the host".ljust(1486, b".")
        threading.Timer(0.3, cable.send, (answer,)).start()
        guest.expect(r"^frame 1: 1500 bytes$", 10)
        guest.expect(r"\|from the host\.+\|$", 10)
        guest.expect(PROMPT, 10)


for _name, _choices in VARIANTS[:3]:
    system(f"net.frames.{_name}", f"raw frames travel both ways, byte for byte ({_name})")(lambda c=_choices: frames_travel(**c))


@system("net.syslog", "log lines go to a collector on this host by UDP syslog")
def syslog():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector, boot() as guest:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(10)
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, f"net syslog 10.0.2.2:{collector.getsockname()[1]}")
        shell(guest, "log level debug")
        shell(guest, "virtio reset 0 syslog-test")
        shell(guest, "net syslog")
        lines = collector.recv(2048).decode("utf-8", "replace")
        check(re.match(r"<\d+>1 - vitrine \S+ - - - ", lines) is not None, f"the collector received {lines!r}", guest)


def dns_answer(query):
    """What a name server says: vitrine.test is 10.0.2.2, nothing else is known."""
    end = query.index(b"\0", 12)
    is_known = query[12:end] == b"\7vitrine\4test" and query[end + 1 : end + 5] == b"\0\1\0\1"
    flags, count = (b"\x81\x80", b"\0\1") if is_known else (b"\x81\x83", b"\0\0")
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\2\2" if is_known else b""
    return query[:2] + flags + b"\0\1" + count + b"\0\0\0\0" + query[12 : end + 5] + record


def serve_names(server):
    while True:
        try:
            query, address = server.recvfrom(512)
            server.sendto(dns_answer(query), address)
        except OSError:
            return


@system("net.dns", "names are asked of a name server on this host; an unknown one is said to be unknown")
def dns():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, Server() as port:
        try:
            server.bind(("127.0.0.1", 53))  # the guest's 10.0.2.2:53; the port is not for everybody
        except OSError as e:
            raise Skipped(f"port 53 of this host cannot be had: {e}") from e
        threading.Thread(target=serve_names, args=(server,), daemon=True).start()
        with boot() as guest:
            guest.expect(PROMPT, BOOT_TIMEOUT_S)
            expect_in(r"^vitrine\.test is 10\.0\.2\.2$", shell(guest, "net dns vitrine.test 10.0.2.2"), "the known name")
            expect_in(r"nobody\.test.*not found", shell(guest, "net dns nobody.test"), "the unknown name")
            expect_in(rf"^status 200, {len(PAGE)} bytes", shell(guest, f"net fetch http://vitrine.test:{port}/"), "the page by name")


@system("net.link", "the cable is pulled and put back: the driver notices, refuses to send meanwhile, and goes on")
def link():
    with boot() as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "net up")
        guest.qmp.command("set_link", name="net0", up=False)
        guest.expect(r"net: link down$", 5)
        expect_in(r"^MAC .* link down", shell(guest, "net info"), "the state of the link")
        expect_in(r"did not send the frame", shell(guest, f"net send {'ff' * 60}"), "the refusal")
        expect_in(r"link is down", shell(guest, "net ping 10.0.2.2 1"), "the refusal of ping")
        guest.qmp.command("set_link", name="net0", up=True)
        guest.expect(r"net: link up$", 5)
        expect_in(r"^2 sent, 2 received$", shell(guest, "net ping 10.0.2.2 2"), "the answers to ping")


def captured_frames(data):
    """The (direction, beginning, length) of each frame of a pcapng file; fails where the file is not one."""
    check(data[:4] == b"\x0a\x0d\x0d\x0a" and data[8:12] == b"\x4d\x3c\x2b\x1a", "the capture begins with no section header")
    frames, at, last_ns = [], 0, 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        check(struct.unpack_from("<I", data, at + length - 4)[0] == length, f"the block at {at} does not end as it began")
        if kind == 6:
            _, high, low, kept, whole = struct.unpack_from("<5I", data, at + 8)
            check(kept == min(whole, 96), f"{kept} bytes are kept of {whole}")
            check((high << 32 | low) >= last_ns, "the frames are not in order of time")
            last_ns = high << 32 | low
            flags = at + 28 + (kept + 3) // 4 * 4 + 4
            frames.append((data[flags], data[at + 28 : at + 28 + kept], whole))
        at += length
    return frames


@system("net.capture", "./run --trace FILE.pcapng has the frames of DHCP and ping, both ways")
def capture():
    with tempfile.TemporaryDirectory(prefix="vitrine-capture-") as where:
        path = os.path.join(where, "frames.pcapng")
        status, _, errors = run_command("--exec", "net up; net ping 10.0.2.2 2", "--trace", path)
        check(status == 0, f"./run ended with {status}:\n{errors}")
        with open(path, "rb") as f:
            frames = captured_frames(f.read())
    inbound, outbound = 1, 2
    dhcp = [direction for direction, frame, _ in frames if frame[23:24] == b"\x11" and frame[36:38] in (b"\0\x43", b"\0\x44")]
    check(dhcp[:4] == [outbound, inbound, outbound, inbound], f"DHCP is not discover, offer, request, acknowledgement: {dhcp}")
    echoes = [(direction, frame[34], whole) for direction, frame, whole in frames if frame[23:24] == b"\1"]
    check(echoes == [(outbound, 8, 98), (inbound, 0, 98)] * 2, f"the echoes and replies: {echoes}")


@system("net.culprit", "somebody resets the network device beneath its driver: the next command says so, the log says who")
def culprit():
    with boot() as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "net up")
        index = re.search(r"^device (\d+) \(network\)", shell(guest, "net info"), re.M).group(1)
        shell(guest, f"virtio reset {index} intruder")
        expect_in(r"^net: ping: .*reset.*\(see log\)$", shell(guest, "net ping 10.0.2.2 1"), "what has become of the device")
        expect_in(r"intruder", shell(guest, "log"), "the culprit's name in the log")
        expect_in(r"^health: ", shell(guest, "net info"), "the state of the device")
