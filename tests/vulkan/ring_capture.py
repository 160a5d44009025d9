#!/usr/bin/env python3
"""Stands between Venus clients and their server and keeps every command byte that the clients send.

usage: VTEST_SOCKET_NAME=SERVER ring_capture.py OUT_DIR -- PROGRAM ARGS...
  as in: vitrine exec -- tests/vulkan/ring_capture.py OUT_DIR -- build/vulkan/bin/vkt_picture

For each client there is a directory OUT_DIR/client-N with
  ring-ID.bin        all bytes of a ring, in order
  stream-NNNNN.bin   a command stream in shared memory, as it was when the ring told to run it
  socket-NNNNN.bin   a command stream that came over the socket
  index.txt          in order of arrival: ring ID FROM SIZE | stream NNNNN ID RESOURCE OFFSET SIZE | socket NNNNN SIZE

Nothing is lost and nothing changes: the server gets a ring of its own, into which the client's bytes are copied, so that
the client's head moves only when its bytes are kept.  Times mean nothing under it.
Exit status: the program's; 1 a message was not understood; 2 wrong use.
"""

import array
import mmap
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BUSY_WAIT, RESOURCE_UNREF, CREATE_RENDERER, PING, VERSION, GET_PARAM, GET_CAPSET = 7, 3, 8, 10, 11, 15, 16
CREATE_BLOB, SYNC_CREATE, SYNC_READ, SYNC_WAIT, SUBMIT_CMD2 = 18, 19, 21, 23, 24
REPLIED = {BUSY_WAIT, PING, VERSION, GET_PARAM, GET_CAPSET, CREATE_BLOB, SYNC_CREATE, SYNC_READ, SYNC_WAIT}
WITH_FD = {CREATE_BLOB, SYNC_WAIT}

EXECUTE_STREAMS, CREATE_RING, DESTROY_RING, NOTIFY_RING = 180, 188, 189, 190
STYPE_RING, STYPE_MONITOR, STYPE_PRIORITY = 1000384000, 1000384006, 1000384007
IDLE, ALIVE = 1, 4
LULL_S = 0.0002


def receive(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


class Blob:
    """Shared memory that both sides and this program map."""

    def __init__(self, fd, size):
        self.size, self.map = size, None
        try:
            self.map = mmap.mmap(fd, size)
        except (OSError, ValueError):  # memory of the device need not be mappable here; rings and streams are
            pass

    def load(self, offset):
        return struct.unpack_from("<I", self.map, offset)[0]

    def store(self, offset, value):
        struct.pack_into("<I", self.map, offset, value)


class Ring:
    """A ring of the client's, and the server's copy of it; places are the same in both."""

    def __init__(self, ring, theirs, resource, places):
        self.id, self.theirs, self.resource = ring, theirs, resource
        self.base, self.head, self.tail, self.status, self.data, self.size = places
        self.ours, self.done = None, 0

    def take(self):
        """The bytes that the client has written since the last time."""
        tail = self.theirs.load(self.base + self.tail)
        count = (tail - self.done) & 0xffffffff
        at, start = self.done % self.size, self.base + self.data
        first = min(count, self.size - at)
        data = self.theirs.map[start + at:start + at + first] + self.theirs.map[start:start + count - first]
        return tail, data

    def give(self, tail, data):
        """Puts bytes into the server's ring; the client's head, a copy of the server's, says that there is room."""
        at, start = self.done % self.size, self.base + self.data
        first = min(len(data), self.size - at)
        self.ours.map[start + at:start + at + first] = data[:first]
        self.ours.map[start:start + len(data) - first] = data[first:]
        self.done = tail
        self.ours.store(self.base + self.tail, tail)

    def mirror(self):
        """Tells the client what the server says; idleness is kept from it, since this program wakes the server."""
        status = self.ours.load(self.base + self.status)
        if status & ALIVE:
            self.ours.store(self.base + self.status, status & ~ALIVE)
            self.theirs.store(self.base + self.status, self.theirs.load(self.base + self.status) | ALIVE)
        if status & ~(IDLE | ALIVE):
            self.theirs.store(self.base + self.status, status & ~IDLE)
        self.theirs.store(self.base + self.head, self.ours.load(self.base + self.head))


def parse_create_ring(data):
    """(ring id, resource id, where the resource id stands, places) of a vkCreateRingMESA at the start of `data`, or None."""
    if len(data) < 36 or struct.unpack_from("<I", data)[0] != CREATE_RING:
        return None
    ring, _, stype, more = struct.unpack_from("<QQIQ", data, 8)
    at, chain = 36, []
    while more:
        inner, more = struct.unpack_from("<IQ", data, at)
        chain.append(inner)
        at += 12
    if stype != STYPE_RING or not set(chain) <= {STYPE_MONITOR, STYPE_PRIORITY}:
        raise ValueError(f"vkCreateRingMESA with the chain {chain}")
    at += 4 * len(chain) + 4  # their one member each, and flags
    resource, base, _, _, head, tail, status, place, size, _, _ = struct.unpack_from("<I10Q", data, at)
    return ring, resource, at, (base, head, tail, status, place, size)


class Client:
    """One connection: a thread that passes messages on, and one that pumps rings."""

    def __init__(self, directory, client, server_path):
        self.directory, self.client = directory, client
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.connect(server_path)
        self.lock, self.blobs, self.rings, self.counts, self.is_open = threading.RLock(), {}, {}, {}, True
        os.makedirs(directory)
        self.index = open(os.path.join(directory, "index.txt"), "w", encoding="ascii", buffering=1)

    def keep(self, kind, data, words=""):
        """A file of its own for `data`."""
        number = self.counts[kind] = self.counts.get(kind, 0) + 1
        with open(os.path.join(self.directory, f"{kind}-{number:05}.bin"), "wb") as f:
            f.write(data)
        self.index.write(f"{kind} {number:05} {words}{len(data)}\n")

    def keep_streams(self, ring, data):
        """Every vkExecuteCommandStreamsMESA in `data`: what its streams hold now, before the server is told."""
        at = data.find(struct.pack("<II", EXECUTE_STREAMS, 0))
        while at >= 0:
            if at % 4 == 0 and at + 20 <= len(data):
                count, again = struct.unpack_from("<IQ", data, at + 8)
                if count == again and at + 20 + 20 * count <= len(data):
                    for i in range(count):
                        self.keep_stream(ring, *struct.unpack_from("<IQQ", data, at + 20 + 20 * i))
            at = data.find(struct.pack("<II", EXECUTE_STREAMS, 0), at + 1)

    def keep_stream(self, ring, resource, offset, size):
        blob = self.blobs.get(resource)
        if blob is not None and blob.map is not None and 0 < size and offset + size <= blob.size:
            self.keep("stream", blob.map[offset:offset + size], f"{ring.id} {resource} {offset} ")

    def pump(self, ring):
        """Moves what a ring has; gives whether there was something."""
        tail, data = ring.take()
        if data:
            with open(os.path.join(self.directory, f"ring-{ring.id}.bin"), "ab") as f:
                self.index.write(f"ring {ring.id} {f.tell()} {len(data)}\n")
                f.write(data)
            self.keep_streams(ring, data)
            ring.give(tail, data)
            if ring.ours.load(ring.base + ring.status) & IDLE:
                self.submit(struct.pack("<IIQII", NOTIFY_RING, 0, ring.id, tail, 0))
        ring.mirror()
        return bool(data)

    def pump_all(self):
        with self.lock:
            return any([self.pump(ring) for ring in self.rings.values()])

    def pump_loop(self):
        while self.is_open:
            if not self.pump_all():
                time.sleep(LULL_S)

    def submit(self, commands):
        """A command stream of this program's own."""
        words = len(commands) // 4
        batch = struct.pack("<9I", 1, 0, 9, words, 9 + words, 0, 0, 0, 0)
        self.server.sendall(struct.pack("<II", 9 + words, SUBMIT_CMD2) + batch + commands)

    def reply(self, command):
        """The server's reply to a command: bytes, payload, and the file descriptor if there is one."""
        head = receive(self.server, 8)
        payload, fds = receive(self.server, 4 * struct.unpack("<I", head[:4])[0]), []
        if command in WITH_FD:
            _, control, _, _ = self.server.recvmsg(1, socket.CMSG_SPACE(4))
            for _, _, data in control:
                fds = list(array.array("i", data[:4]))
        return head + payload, payload, fds

    def create_blob(self, request):
        """Asks the server for a blob; gives its resource id, the whole reply and the descriptors."""
        self.server.sendall(struct.pack("<II", len(request) // 4, CREATE_BLOB) + request)
        whole, payload, fds = self.reply(CREATE_BLOB)
        resource = struct.unpack("<I", payload)[0]
        size = struct.unpack_from("<Q", request, 8)[0]
        if fds:
            self.blobs[resource] = Blob(fds[0], size)
        return resource, whole, fds

    def on_submit(self, payload):
        """Keeps each batch, and gives what is to be passed on: a new ring's resource is replaced by one of our own."""
        self.pump_all()  # a message may wait for what was written into a ring before
        payload = bytearray(payload)
        count = struct.unpack_from("<I", payload)[0]
        first, second = struct.unpack_from("<I", payload, 8)[0], struct.unpack_from("<I", payload, 16)[0]
        stride = (min(x for x in (first, second) if x) - 1) // count
        for i in range(count):
            offset, size = struct.unpack_from("<II", payload, 4 + 4 * (i * stride + 1))
            commands = bytes(payload[4 * offset:4 * (offset + size)])
            self.keep("socket", commands)
            created = parse_create_ring(commands)
            if created:
                resource = self.new_ring(*created[:2], created[3])
                struct.pack_into("<I", payload, 4 * offset + created[2], resource)
            elif len(commands) >= 16 and struct.unpack_from("<I", commands)[0] == DESTROY_RING:
                self.rings.pop(struct.unpack_from("<Q", commands, 8)[0], None)
        return bytes(payload)

    def new_ring(self, ring, resource, places):
        theirs = self.blobs[resource]
        copy, _, fds = self.create_blob(struct.pack("<IIQQ", 2, 1, theirs.size, 0))
        os.close(fds[0])
        made = Ring(ring, theirs, resource, places)
        made.ours = self.blobs[copy]
        self.rings[ring] = made
        return copy

    def on_message(self, command, payload):
        """Passes one message on, and its reply back."""
        with self.lock:
            if command == CREATE_BLOB:
                _, whole, fds = self.create_blob(payload)
            else:
                if command == SUBMIT_CMD2:
                    payload = self.on_submit(payload)
                if command == RESOURCE_UNREF:
                    self.blobs.pop(struct.unpack("<I", payload)[0], None)
                length = len(payload) if command == CREATE_RENDERER else len(payload) // 4
                self.server.sendall(struct.pack("<II", length, command) + payload)
                if command not in REPLIED:
                    return
                whole, _, fds = self.reply(command)
        self.client.sendall(whole)
        if fds:
            socket.send_fds(self.client, [b"\0"], fds)
            for fd in fds:
                os.close(fd)

    def serve(self):
        pump = threading.Thread(target=self.pump_loop, daemon=True)
        pump.start()
        try:
            while True:
                length, command = struct.unpack("<II", receive(self.client, 8))
                self.on_message(command, receive(self.client, length if command == CREATE_RENDERER else 4 * length))
        except (EOFError, ConnectionError):
            pass
        except Exception:
            traceback.print_exc()
            os._exit(1)  # the program would wait for ever
        finally:
            self.is_open = False
            pump.join()
            self.pump_all()
            self.client.close()
            self.server.close()


def listen(path, out, server_path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()

    def accept():
        number = 0
        while True:
            client, _ = listener.accept()
            number += 1
            made = Client(os.path.join(out, f"client-{number}"), client, server_path)
            threading.Thread(target=made.serve, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def main(argv):
    server_path = os.environ.get("VTEST_SOCKET_NAME")
    if len(argv) < 4 or argv[2] != "--" or not server_path:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="vitrine-") as directory:
        path = os.path.join(directory, "vtest")
        listen(path, argv[1], server_path)
        status = subprocess.call(argv[3:], env=dict(os.environ, VTEST_SOCKET_NAME=path))
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv))
