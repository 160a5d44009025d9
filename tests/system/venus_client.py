"""A client of the vtest socket, in Python: what Mesa's Venus driver says, and what it should never say."""

import array
import contextlib
import os
import socket
import struct

CREATE_RENDERER, PING, VERSION, BUSY_WAIT = 8, 10, 11, 7
GET_PARAM, GET_CAPSET, CONTEXT_INIT, CREATE_BLOB, UNREF = 15, 16, 17, 18, 3
SYNC_CREATE, SYNC_UNREF, SYNC_READ, SYNC_WRITE, SYNC_WAIT, SUBMIT = 19, 20, 21, 22, 23, 24

# The fake renderer's commands (tests/fake/venus_fake.h)
FAKE_NOTHING, FAKE_DIE, FAKE_CRASH, FAKE_RING, FAKE_RELEASE, FAKE_TRACE, FAKE_ESCAPE, FAKE_DIE_LATER = range(1, 9)
BLOB_NONE, BLOB_OPAQUE = 666, 667


class Client:
    """One connection.  Every wait has a limit, so a server that hangs is a failure and not a hang."""

    def __init__(self, path, name=None, timeout_s=10.0, until="context"):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout_s)
        self.socket.connect(path)
        if until in ("name", "context"):
            name = (name or "python").encode() + b"\0"
            self.raw(struct.pack("<II", len(name), CREATE_RENDERER) + name)
        if until == "context":
            self.version = self.ask(VERSION, 4)[0]
            self.send(CONTEXT_INIT, 4)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def raw(self, data):
        self.socket.sendall(data)

    def send(self, command, *words):
        self.raw(struct.pack(f"<II{len(words)}I", len(words), command, *words))

    def receive(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError("the server closed the connection")
            data += part
        return data

    def reply(self, command):
        length, found = struct.unpack("<II", self.receive(8))
        if found != command:
            raise AssertionError(f"reply to {found}, expected one to {command}")
        return struct.unpack(f"<{length}I", self.receive(length * 4))

    def ask(self, command, *words):
        self.send(command, *words)
        return self.reply(command)

    def receive_fd(self):
        data, ancillary, _, _ = self.socket.recvmsg(1, socket.CMSG_SPACE(4))
        if not data:
            raise EOFError("the server closed the connection")
        fds = array.array("i")
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(payload[: len(payload) // 4 * 4])
        if len(fds) != 1:
            raise AssertionError(f"{len(fds)} fds, expected 1")
        return fds[0]

    def blob(self, size=4096, blob_id=0, flags=1, kind=2):
        reply = self.ask(CREATE_BLOB, kind, flags, size & 0xFFFFFFFF, size >> 32, blob_id & 0xFFFFFFFF, blob_id >> 32)
        return reply[0], self.receive_fd()

    def submit(self, *commands, syncs=(), ring_idx=None, stride=8):
        """One batch; syncs: (id, value)."""
        first = 1 + stride
        flat = [w for sync, value in syncs for w in (sync, value & 0xFFFFFFFF, value >> 32)]
        batch = [int(ring_idx is not None), first, len(commands), first + len(commands), len(syncs), ring_idx or 0, 0, 0]
        self.send(SUBMIT, 1, *batch[:stride], *commands, *flat)

    def ending(self):
        """How the server ends this connection: "reset" (what makes Mesa stop), "end", or "silence"."""
        try:
            while self.socket.recv(4096):
                pass
            return "end"
        except ConnectionResetError:
            return "reset"
        except TimeoutError:
            return "silence"


@contextlib.contextmanager
def closing_fd(fd):
    try:
        yield fd
    finally:
        os.close(fd)
