#!/usr/bin/env python3
"""Writes the seeds of the fuzzers, tests/fuzz/corpus/NAME/*: small inputs that reach the insides at once.

Run from the root of the tree; the files are committed, so this is needed only when an input format changes.
"""
import os
import random
import struct
import sys

TOP = "tests/fuzz/corpus"


def seed(fuzzer, name, data):
    os.makedirs(f"{TOP}/{fuzzer}", exist_ok=True)
    with open(f"{TOP}/{fuzzer}/{name}", "wb") as file:
        file.write(data)


def virtq():
    """flavour byte, then operations: 0 shape = add, 2 = notify, 3 = take, 8 id length = used, 9 = honest completion."""
    honest = bytes([0, 0x15, 2, 9, 4, 3]) * 12
    lies = bytes([0, 0x15, 0, 0x15, 2, 8, 0, 4, 3, 8, 7, 4, 3, 3])
    for flavour in (0x00, 0x01, 0x2e, 0x2f, 0x87, 0xdf):
        seed("virtq_fuzz", f"honest_{flavour:02x}", bytes([flavour]) + honest)
        seed("virtq_fuzz", f"lies_{flavour:02x}", bytes([flavour]) + lies)
    seed("virtq_fuzz", "scribble", bytes([0x01]) + bytes([0, 0x15, 2, 5, 0, 15]) + bytes(range(15)) + bytes([3, 6, 0, 4, 1, 2, 3, 4, 3]))


def pci():
    """six BARs of four bytes (size, there, base, not I/O), odd: a true function, how many changes, then place and value of each."""
    bars = bytes([24, 1, 8, 1]) * 6
    seed("pci_fuzz", "true", bars + bytes([1, 0]))
    seed("pci_fuzz", "two_shared", bars + bytes([1, 2, 0x53, 8, 0x52, 24]))
    seed("pci_fuzz", "loop", bars + bytes([1, 1, 0x75, 0x40]))


def vq():
    """flavour, base, then operations: 5 place = an honest chain, 0 = pop, 1 and 2 = push, 3 = interrupt?, 4 = scribble, 6 = region, 7 = restart."""
    honest = bytes([5, 3, 0, 0, 1, 0, 3]) * 10
    table = struct.pack("<QIHH", 0x1900, 32, 4, 0)
    entries = struct.pack("<QIHH", 0x1A00, 16, 1, 1) * 2
    scribble = bytes([5, 9, 4, 0, 0, 16]) + table + bytes([4, 0, 9, 32]) + entries + bytes([0, 0, 1, 0, 3])
    for flavour in range(8):
        base = b"\0\x80" if flavour & 1 else b"\0\0"
        seed("vq_fuzz", f"honest_{flavour}", bytes([flavour]) + base + honest)
        seed("vq_fuzz", f"scribble_{flavour}", bytes([flavour]) + base + scribble + bytes([6, 7]) + honest)


def gpu_device():
    """allocations, ring features, then operations; a command is group and number, fields, flags, fence, context, ring_idx, fields."""
    def command(what, *fields, flags=0, context=0, ring=0):
        return bytes([0, what, len(fields), flags, 1, context, ring, *fields])
    memory, page = (0xF2, 0), (0xF3, 0)
    rect = (0, 0, 16, 16)
    picture = (command(1, 1, 1, 16, 16) + command(6, 1, 1, *memory, *page) + command(3, *rect, 0, 1) + command(5, *rect, 0, 0, 1, 0, flags=1)
               + command(4, *rect, 1, 0) + bytes([7, 1, 1, 8, 8]))
    cursor = (command(1, 2, 67, 64, 64) + command(6, 2, 1, *memory, 0xF5, 0) + command(5, 0, 0, 64, 64, 0, 0, 2, 0)
              + command(160, 0, 5, 6, 0, 2, 1, 1, 0) + command(161, 1, 7, 8, 0, 0, 0, 0, 0))
    asked = b"".join(command(n, 0, 0) for n in (0, 8, 10)) + command(9, 4, 0) + command(11, 1, 0)
    guest_blob = (command(12, 3, 1, 1, 1, 0, 0, *page, *memory, *page)
                  + command(13, *rect, 1, 3, 16, 16, 3, 0, 64, 0, 0, 0, 0, 0, 0, 0) + command(4, *rect, 3, 0) + bytes([7, 0, 0, 16, 16]))
    context = command(64, 0, 4, *([0] * 16), context=1) + bytes([9, 0])
    fences = command(71, 4, 0, 1, flags=3, context=1, ring=1) + command(71, 4, 0, 1, flags=3, context=1, ring=1) + bytes([3, 0, 1, 2])
    host_blob = command(12, 5, 2, 1, 0, 0, 0, *page, context=1) + bytes([2, 0, 14, 1, 0, 1])
    mapped = command(72, 5, 0, 0xF4, 0) + bytes([4, 1]) + command(13, *rect, 0, 5, 16, 16, 1, 0, 64, 0, 0, 0, 0, 0, 0, 0) + bytes([7, 0, 0, 16, 16])
    shared = command(64, 0, 4, *([0] * 16), context=2) + bytes([9, 1]) + command(66, 5, 0, context=2) + command(67, 5, 0, context=2)
    ends = command(73, 5, 0) + bytes([4, 1]) + command(2, 5, 0) + command(65, context=1) + command(2, 1, 0) + bytes([8])
    unref = host_blob + mapped + command(2, 5, 0) + bytes([4, 1]) + picture + host_blob + mapped + command(2, 5, 0) + bytes([8])
    for allocations in (255, 20):
        for features in (0, 3):
            first = bytes([allocations, features])
            seed("gpu_device_fuzz", f"flat_{allocations}_{features}", first + picture + cursor + asked + guest_blob + command(2, 3, 0) + bytes([8]) + picture)
            seed("gpu_device_fuzz", f"context_{allocations}_{features}", first + context + fences + host_blob + mapped + shared + ends)
            seed("gpu_device_fuzz", f"unref_{allocations}_{features}", first + context + unref)
            seed("gpu_device_fuzz", f"death_{allocations}_{features}", first + context + host_blob + mapped + fences[:13] + bytes([5, 0]) + picture + bytes([8]))


def vhost_message(request, payload=b"", fds=0, flags=1):
    return struct.pack("<BBHB", request, flags, len(payload), fds) + payload


def vhost():
    """request, flags, size, fds, payload: what QEMU says, and parts of it that are wrong."""
    state = lambda idx, number: struct.pack("<II", idx, number)  # noqa: E731
    region = struct.pack("<4Q", 0x1000, 0x10000, 0x7F0000001000, 0)
    begin = vhost_message(1) + vhost_message(15) + vhost_message(16, struct.pack("<Q", 0x40A629)) + vhost_message(17) + vhost_message(36)
    begin += vhost_message(44) + vhost_message(21, fds=1) + vhost_message(24, struct.pack("<3I", 0, 16, 0) + bytes(16))
    table = vhost_message(5, struct.pack("<II", 1, 0) + region, 0x11, 9)
    slot = vhost_message(37, bytes(8) + region, 0x11, 9)
    for name, features, base in (("split", 1 << 32 | 3 << 28 | 1 << 30, 0), ("packed", 1 << 34 | 1 << 32 | 1 << 30, 0x80008000)):
        queues = vhost_message(2, struct.pack("<Q", features))
        for idx in (0, 1):
            at = 0x7F0000001000 + idx * 0x4000
            queues += vhost_message(8, state(idx, 64)) + vhost_message(10, state(idx, base))
            queues += vhost_message(9, struct.pack("<II4Q", idx, 0, at, at + 0x2000, at + 0x1000, 0))
            queues += b"".join(vhost_message(r, struct.pack("<Q", idx), 1) for r in (13, 14, 12)) + vhost_message(18, state(idx, 1))
        stop = vhost_message(18, state(0, 0)) + vhost_message(11, state(0, 0)) + vhost_message(11, state(1, 0)) + vhost_message(34)
        seed("vhost_fuzz", f"session_{name}", begin + table + queues + stop)
        seed("vhost_fuzz", f"slots_{name}", begin + slot + queues + vhost_message(38, bytes(8) + region, 0, 9) + stop)
        seed("vhost_fuzz", f"tables_{name}", table + queues + table * 2 + vhost_message(33, fds=1) + stop)
    for wrong in (vhost_message(99), vhost_message(5, struct.pack("<II", 8, 0) + region), vhost_message(12, struct.pack("<Q", 0x100))):
        seed("vhost_fuzz", f"wrong_{wrong[0]}", begin + wrong)


def header(kind, flags=0, fence=0):
    return struct.pack("<IIQIBxxx", kind, flags, fence, 0, 0)


DISPLAY_INFO = header(0x1101) + struct.pack("<6I", 0, 0, 1280, 800, 1, 0) + bytes(15 * 24)


def edid_block(width=1280, height=800):
    block = bytearray(128)
    block[0:10] = bytes([0, 255, 255, 255, 255, 255, 255, 0, 0x1A, 0x32])
    block[18:21] = bytes([1, 4, 0xA5])
    clock = (width + 160) * (height + 40) * 60 // 10000
    block[54:62] = struct.pack("<HBBBBBB", clock & 0xFFFF, width & 255, 160, width >> 8 << 4, height & 255, 40, height >> 8 << 4)
    block[72:83] = b"\0\0\0\xfc\0seed\n "
    block[127] = -sum(block[:127]) & 255
    return bytes(block)


EDID = header(0x1104) + struct.pack("<II", 128, 0) + edid_block() + bytes(896)


def vvk_answer():
    """Answers as a renderer gives them: memory types and heaps, one physical device, a result."""
    types = b"".join(struct.pack("<II", 6, 0) for _ in range(32))
    heaps = b"".join(struct.pack("<QI", 1 << 30, 1) for _ in range(16))
    seed("vvk_answer_fuzz", "memory", bytes([0, 0]) + struct.pack("<IQIQ", 8, 1, 1, 32) + types + struct.pack("<IQ", 1, 16) + heaps)
    seed("vvk_answer_fuzz", "devices", bytes([2, 1]) + struct.pack("<IIQIQQ", 2, 0, 1, 1, 1, 1))
    seed("vvk_answer_fuzz", "result", bytes([3, 0]) + struct.pack("<IIQQ", 21, 0, 1, 1) + struct.pack("<II", 20, 0))


def gpu_response():
    cases = {0: DISPLAY_INFO, 10: EDID, 8: header(0x1102) + struct.pack("<4I", 4, 1, 160, 0), 9: header(0x1103) + bytes(40),
             11: header(0x1105) + bytes(range(16)), 3: header(0x1202, 1, 7), 1: header(0x1100)}
    for idx, answer in cases.items():
        seed("gpu_response_fuzz", f"answer_{idx}", bytes([idx, 255]) + answer)
    seed("gpu_response_fuzz", "request", bytes([3, 255]) + header(0x0103) + struct.pack("<6I", 0, 0, 1280, 800, 0, 7))
    seed("gpu_response_fuzz", "entries", bytes([6, 255]) + header(0x0106) + struct.pack("<IIQII", 7, 1, 1 << 32, 4096, 0))


def edid():
    seed("edid_fuzz", "good", edid_block())
    seed("edid_fuzz", "extended", edid_block(1920, 1080)[:126] + bytes([1, 0]) + bytes(128))


def http():
    ok = b"HTTP/1.1 200 OK\r\n"
    seed("http_fuzz", "length", b"\3" + ok + b"Content-Length: 5\r\nServer: x\r\n\r\nwhole")
    seed("http_fuzz", "chunked", b"\0" + ok + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n")
    seed("http_fuzz", "to_the_end", b"\7HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 Not Found\r\nA: b\r\n\r\nno page")


def record(event, a=0, b=0, cookie=1, time=1000, origin=0, queue=0):
    return struct.pack("<QIHBBQQ", time, cookie, event, origin, queue, a, b)


def trace():
    """Numbers of events as in virtio/trace.def: BYTES is 1, GPU_REQUEST 18, GPU_RESPONSE 19."""
    start = struct.pack("<HB", 300, 16)
    seed("trace_format_fuzz", "each_a", start + b"".join(record(i, 7, 9) for i in range(16)))
    seed("trace_format_fuzz", "each_b", start + b"".join(record(16 + i, 7, 9) for i in range(16)))
    command = header(0x0103) + struct.pack("<6I", 0, 0, 1280, 800, 0, 7)
    parts = [record(1, *struct.unpack("<QQ", command[i:i + 16])) for i in range(0, 48, 16)]
    answer = header(0x1100) + bytes(8)
    back = [record(1, *struct.unpack("<QQ", answer[i:i + 16])) for i in range(0, 32, 16)]
    for event in range(14, 24):
        stream = [record(event, 0x103, 48)] + parts + [record(event + 1, 0x1100 | 0x103 << 32, 23000, time=24000)] + back
        seed("trace_format_fuzz", f"gpu_{event}", start + b"".join(stream))


def device(kind, flavour, features, config, answers=b""):
    return bytes([kind, flavour]) + struct.pack("<Q", features) + config.ljust(160, b"\0") + answers


CONFIGS = [
    (0, 0x3, struct.pack("<IIII", 0, 0, 1, 1)),
    (1, 1 << 3 | 1 << 5 | 1 << 15 | 1 << 16 | 1 << 17 | 1 << 18, bytes([0x52, 0x54, 0, 0x12, 0x34, 0x56]) + struct.pack("<HHH", 1, 1, 1500)),
    (2, 1 << 9 | 1 << 6 | 1 << 2, struct.pack("<QII", 64, 1 << 20, 64) + bytes(4) + struct.pack("<I", 512)),
    (3, 0, bytes([1, 0, 4, 0, 0, 0, 0, 0]) + b"seed"),
]


def drivers():
    """An answer: a byte that lets it happen, how (8 all, 32 the whole length), then what the device writes."""
    ring = {"split": 0, "packed": 0x40, "all": 0x6B}
    for kind, features, config in CONFIGS:
        for name, flavour in ring.items():
            wide = features | flavour << 28
            seed("config_fuzz", f"kind{kind}_{name}", device(kind, flavour, wide, config))
            seed("config_fuzz", f"kind{kind}_{name}_legacy", device(kind, flavour, wide | 1, config))
            if kind == 0:
                body = b"".join(bytes([1, 8]) + answer for answer in (DISPLAY_INFO, EDID, header(0x1102) + struct.pack("<4I", 4, 1, 64, 0),
                                                                       header(0x1103) + bytes(64))) + (bytes([1, 8]) + header(0x1100)) * 40
            elif kind == 3:
                body = bytes([1, 8, 1, 0, 30, 0, 1, 0, 0, 0]) * 30
            else:
                body = bytes([1, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]) * 80
            seed("driver_fuzz", f"kind{kind}_{name}", device(kind, flavour, wide, config, body))


def shell():
    seed("shell_fuzz", "words", b"help; gpu scanout 0 0 640 480\nlog 'a b' \"c\\\"d\"\n")
    seed("shell_fuzz", "editing", b"abc\x1b[D\x1b[D\x7fx\x01y\x05z\x0b\x15\x1b[A\x1b[B\x1b[3~\x03\n\t\n")
    seed("bootargs_fuzz", "usual", b"console=ttyAMA0 gpu=simple rings=packed exec=\"help; poweroff\" -- x")


def tree():
    """A device tree of a few nodes, written by hand: memory, chosen, a bus with ranges, a serial port with an interrupt."""
    strings, places = b"", {}

    def name(text):
        nonlocal strings
        if text not in places:
            places[text] = len(strings)
            strings += text.encode() + b"\0"
        return places[text]

    def prop(key, value):
        return struct.pack(">III", 3, len(value), name(key)) + value + bytes(-len(value) % 4)

    def node(title, *parts):
        text = title.encode() + b"\0"
        return struct.pack(">I", 1) + text + bytes(-len(text) % 4) + b"".join(parts) + struct.pack(">I", 2)

    def cells(*values):
        return struct.pack(f">{len(values)}I", *values)

    root = node("", prop("#address-cells", cells(2)), prop("#size-cells", cells(2)), prop("model", b"seed\0"),
                prop("interrupt-parent", cells(1)),
                node("memory@40000000", prop("device_type", b"memory\0"), prop("reg", cells(0, 0x40000000, 0, 0x10000000))),
                node("chosen", prop("bootargs", b"quiet\0"), prop("stdout-path", b"/bus@0/uart@9000000:115200\0")),
                node("intc@8000000", prop("compatible", b"arm,cortex-a15-gic\0"), prop("#interrupt-cells", cells(3)),
                     prop("interrupt-controller", b""), prop("phandle", cells(1)), prop("reg", cells(0, 0x8000000, 0, 0x10000))),
                node("cpus", prop("#address-cells", cells(1)), prop("#size-cells", cells(0)),
                     node("cpu@0", prop("device_type", b"cpu\0"), prop("reg", cells(0)), prop("enable-method", b"psci\0"))),
                node("bus@0", prop("#address-cells", cells(1)), prop("#size-cells", cells(1)), prop("compatible", b"simple-bus\0"),
                     prop("ranges", cells(0, 0, 0, 0x10000000)),
                     node("uart@9000000", prop("compatible", b"arm,pl011\0"), prop("reg", cells(0x9000000, 0x1000)),
                          prop("interrupts", cells(0, 1, 4)), prop("clocks", cells(2)))),
                node("clock", prop("compatible", b"fixed-clock\0"), prop("clock-frequency", cells(24000000)), prop("phandle", cells(2))))
    body = root + struct.pack(">I", 9)
    reserved = struct.pack(">4Q", 0x48000000, 0x1000, 0, 0)
    start = 40 + len(reserved)
    total = start + len(body) + len(strings)
    blob = struct.pack(">10I", 0xD00DFEED, total, start, start + len(body), 40, 17, 16, 0, len(strings), len(body))
    seed("fdt_fuzz", "board", blob + reserved + body + strings)


def drawing():
    """shape, width, height, then operations: 0 fill, 1 pixel, 2 line, 3 blit, 4 move, 5 text, 6 clip, 9 console."""
    near = lambda *values: bytes(48 + value for value in values)
    color = b"\x11\x22\x33\x44"
    ops = (b"\0" + near(2, 3, 20, 10) + color, b"\1" + near(5, 5) + color, b"\2" + near(0, 0, 30, 20) + color, b"\3" + near(40, 40),
           b"\4" + near(0, 0, 20, 20, 3, 5), b"\5" + color + color + b"\1" + near(1, 1) + b"\x04abcz", b"\6" + near(4, 4, 8, 8), b"\7",
           b"\x09\x20" + b"ab\ncd\x1b[31mef\x1b[2;3Hgh\x1b[K\x1b[2J"[:32].ljust(32, b"x"))
    seed("draw_fuzz", "each", bytes([0, 47, 47]) + b"".join(ops))
    seed("draw_fuzz", "narrow", bytes([0x1D, 9, 6]) + b"".join(reversed(ops)))
    seed("draw_fuzz", "scroll", bytes([2, 30, 20]) + (b"\x09\x10" + b"line\nline\nline\na") * 8)


def vtest():
    """A byte: 0 mod 4 a session (its name and context are there already), else one message; u32 length, command, payload."""
    def message(command, *words):
        return struct.pack(f"<II{len(words)}I", len(words), command, *words)

    def submit(*commands, syncs=(), ring_idx=0):
        return message(24, 1, 1, 9, len(commands), 9 + len(commands), len(syncs) // 3, ring_idx, 0, 0, *commands, *syncs)

    handshake = message(10) + message(7, 0, 0) + message(11, 4) + message(15, 1) + message(16, 4, 0)
    blobs = message(18, 2, 1, 4096, 0, 0, 0) + submit(5, 1, 128) + message(3, 1) + message(18, 2, 1, 64, 0, 666, 0)
    syncs = message(19, 0, 0) + message(23, 0, 0xFFFFFFFF, 1, 1, 0) + submit(1, syncs=(1, 1, 0), ring_idx=3) + submit(7, 3)
    syncs += message(21, 1) + message(22, 1, 5, 0) + message(20, 1)
    seed("vtest_fuzz", "session", b"\0" + handshake + blobs + syncs + submit(2))
    seed("vtest_fuzz", "batch", b"\1" + submit(1, 1, syncs=(1, 1, 0), ring_idx=5))
    seed("vtest_fuzz", "batches", b"\1" + message(24, 2, 0, 13, 1, 0, 0, 0, 1, 14, 1, 0, 0, 6, 1, 1))
    seed("vtest_fuzz", "wait", b"\1" + message(23, 1, 100, 1, 2, 0, 2, 3, 0))


def render_server():
    """A byte (0 mod 8: without INIT), then packets: u16 length, u8 fds, bytes."""
    def packet(layout, *words, fds=0):
        data = struct.pack(layout, *words)
        return struct.pack("<HB", len(data), fds) + data

    init = packet("<IIQ", 1, 4, 256, fds=2)
    create = packet("<IIQQII", 2, 1, 0, 4096, 1, 0)
    submit = packet("<II256s", 5, 8, struct.pack("<II", 7, 3)) + packet("<II256s", 5, 300, bytes([1, 0, 0, 0] * 64))
    rest = packet("<44s", bytes([1, 0, 0, 0] * 11)) + packet("<IIII", 6, 0, 3, 5) + packet("<II", 4, 1)
    seed("render_server_fuzz", "context", b"\1" + create + submit + rest + packet("<IIiIQ", 3, 9, 2, 0, 64, fds=1))
    seed("render_server_fuzz", "init", b"\0" + init + create)


def venus_stream():
    """flags, u16 allocations, u32 host's seed; then u16 command, u32 contents, u8 others << 3 | changes."""
    rng = random.Random(1)
    for index, flags in enumerate((0, 0, 0, 1, 1, 2, 2, 3, 4, 8, 16, 19)):
        records = [struct.pack("<HIB", rng.randrange(400), rng.randrange(1 << 32), rng.randrange(32) << 3) for _ in range(40)]
        seed("venus_stream_fuzz", f"mixed_{index:02}", struct.pack("<BHI", flags, rng.randrange(200), rng.randrange(1 << 32)) + b"".join(records))


def venus_ring():
    """u32 seed of the scribbler, then operations: see run_one of tests/fuzz/venus_ring_fuzz.c."""
    rng = random.Random(2)
    for index, scribbler in enumerate((0, 0, 0, 0, 9, 150, 1500, 1999)):
        def command(op=0):
            return struct.pack("<BHI", op, rng.randrange(400), rng.randrange(1 << 32))

        def stream():
            return bytes([9, 3]) + b"".join(command()[1:] for _ in range(3))

        operations = [command, command, command, stream, lambda: b"\x0a", lambda: b"\x0b", lambda: b"\x0e\1", lambda: b"\x0f\1"]
        body = b"".join(rng.choice(operations)() for _ in range(30)) + b"\x0c" + command() + b"\x0a"
        seed("venus_ring_fuzz", f"mixed_{index}", struct.pack("<I", scribbler) + body)


def control():
    """Request lines of the control socket."""
    for index, line in enumerate((b"status", b"screenshot 1", b"resize 0 1280x800", b"plug 15 1x16384", b"unplug 2\r")):
        seed("control_fuzz", f"line_{index}", line)


def trace_file():
    """u8: 1: headers as they are, 2: a renderer's; u8 half the records of the first file; then both: see tests/fuzz/trace_file_fuzz.c."""
    def file(side, rows):
        head = struct.pack("<8sHBBIQQ", b"vitrace\n", 1, side, 0, 32, 1000000000, 0)
        return head + b"".join(struct.pack("<QIHBBQQ", when, cookie, event, 4 if side == 1 else 0x80, 0, a, b)
                               for when, cookie, event, a, b in rows)

    guest = [(1, 0, 14, 64, 0)]
    host = [(1, 0, 2, 64, 0)]
    for n, kind in enumerate((0x105, 0x104, 0x207), 1):
        guest += [(n * 100, n, 20, kind, 48), (n * 100 + 1, n, 15, 0, 0), (n * 100 + 2, 0, 16, 1, 0), (n * 100 + 80, n, 18, 0, 0),
                  (n * 100 + 81, n, 21, 0x1100, 0)]
        host += [(n * 100 + 5, n, 7, 0, 0), (n * 100 + 6, n, 9, kind, 0), (n * 100 + 7, n, 11, 1, 0), (n * 100 + 9, n, 12, 1, 0),
                 (n * 100 + 10, n, 10, 0x1100, 0), (n * 100 + 20, n, 13, 1, 1), (n * 100 + 30, n, 8, 0x1100, 0), (n * 100 + 31, 0, 6, 1, 0)]
    for name, rows in (("joined", host), ("short", host[:9])):
        first = file(1, guest)
        seed("trace_file_fuzz", name, bytes([1, len(first) // 16]) + first + file(2, rows))
    guest, renderer = [], [(1, 0, 1, 3, 0), (1, 0, 2, 0x74736574, 0), (2, 0, 6, 36, 0), (3, 0, 10, 7, 1), (4, 0, 4, 1, 4096)]
    for n, kind in enumerate((0, 18, 21), 1):
        guest += [(n * 100, n, 42, kind, 0), (n * 100 + 1, n, 43, 36 << 32 | kind, 3 << 32 | n * 36), (n * 100 + 50, n, 44, kind, 0)]
        renderer += [(n * 100 + 10, n, 7, n * 36, 36 << 32 | kind), (n * 100 + 20, n, 9, 2, 8)]
    renderer += [(900, 0, 11, 7, 1), (901, 0, 5, 0, 0)]
    first = file(1, guest)
    seed("trace_file_fuzz", "rings", bytes([3, len(first) // 16]) + first + file(3, renderer))


def main():
    writers = (control, gpu_device, virtq, vhost, pci, vq, gpu_response, vvk_answer, edid, http, trace, drivers, shell, tree, drawing, vtest, render_server, venus_stream, venus_ring,
               trace_file)
    for write in writers:
        write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
