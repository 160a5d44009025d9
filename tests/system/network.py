"""The network: addresses, ping, a page from a server on this host, raw frames on a cable, log lines to a collector."""

import http.server
import re
import socket
import threading

from .cases import BOOT_TIMEOUT_S, PROMPT, boot, check, exec_status, expect_in, shell, system

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
        guest.expect(r"\|om the host\.+\|$", 10)
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
