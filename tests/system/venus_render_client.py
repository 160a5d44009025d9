"""A monitor of virtual machines, as far as the render server's socket sees one."""

import array
import os
import socket
import struct
import subprocess

CTX_INIT, CTX_CREATE, CTX_IMPORT, CTX_DESTROY, CTX_SUBMIT, CTX_FENCE = range(1, 7)
KIND_SHM, KIND_NONE = 2, -1


def send(sock, data, fds=()):
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])


def receive(sock, size):
    data, ancillary, _, _ = sock.recvmsg(size, socket.CMSG_SPACE(16))
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(payload[: len(payload) // 4 * 4])
    return data, list(fds)


class Context:
    def __init__(self, sock, timeout_s=10.0):
        self.socket = sock
        self.socket.settimeout(timeout_s)
        self.timelines = os.memfd_create("timelines")
        os.ftruncate(self.timelines, 256)
        self.event = os.eventfd(0)

    def init(self, capset=4, size=256, fds=2):
        send(self.socket, struct.pack("=IIQ", CTX_INIT, capset, size), [self.timelines, self.event][:fds])

    def create(self, res_id, size=4096, blob_id=0, flags=1):
        send(self.socket, struct.pack("=IIQQII", CTX_CREATE, res_id, blob_id, size, flags, 0))
        data, fds = receive(self.socket, 64)
        kind, caching = struct.unpack_from("=iI", data)
        return len(data), kind, caching, fds

    def submit(self, *words):
        data = struct.pack(f"={len(words)}I", *words)
        send(self.socket, struct.pack("=II256s", CTX_SUBMIT, len(data), data[:256]))
        if len(data) > 256:
            send(self.socket, data[256:])

    def fence(self, ring_idx, seqno):
        send(self.socket, struct.pack("=IIII", CTX_FENCE, 0, ring_idx, seqno))

    def timeline(self, ring_idx):
        return struct.unpack("=I", os.pread(self.timelines, 4, ring_idx * 4))[0]

    def is_ended(self):
        try:
            return self.socket.recv(64) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.socket.close()
        os.close(self.timelines)
        os.close(self.event)


class Monitor:
    def __init__(self, program, options="--verbose", environment=None):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10.0)
        self.process = subprocess.Popen(
            [program, "--socket-fd", str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "VITRINE_RENDER_OPTIONS": options, **(environment or {})},
        )
        theirs.close()
        send(self.socket, struct.pack("=II", 1, 0x2E2))

    def context(self, context_id, name="guest"):
        send(self.socket, struct.pack("=II32s", 3, context_id, name.encode()))
        data, fds = receive(self.socket, 8)
        if data != b"\1":
            return None
        return Context(socket.socket(fileno=fds[0]))

    def destroy(self, context_id):
        send(self.socket, struct.pack("=II", 4, context_id))

    def end(self):
        """Closes the server's socket; gives its exit status and what it said."""
        self.socket.close()
        _, said = self.process.communicate(timeout=10)
        return self.process.returncode, said
