"""vitrine trace: a real guest's records joined with a device's and a renderer's, as text and as Chrome trace JSON; damaged files refused.

conformance: S0-13
"""

import json
import os
import struct

from vitrine_test.vulkan_setup import vulkan_paths

from .cases import check, expect_in, run_command
from .venus_front import front, run_mesa, run_vitrine
from .venus_server import REAL

RECORD = struct.Struct("<QIHBBQQ")
HEADER = struct.Struct("<8sHBBIQQ")
CLOCKS_APART_NS = 5_000_000_000
QUEUE_START, POP, PUSH, REQUEST, HANDLED = 2, 7, 8, 9, 10  # device/gpu/trace.def
GPU_REQUEST, VIRTQ_ADD, VIRTQ_USED, VIRTQ_COUNT, VENUS_COMMAND = 20, 15, 18, 40, 43  # virtio/trace.def
PICKED, DONE = 7, 9  # venus/trace.def


def records(path):
    with open(path, "rb") as f:
        data = f.read()
    return data[: HEADER.size], [RECORD.unpack_from(data, at) for at in range(HEADER.size, len(data), RECORD.size)]


def device_records(guest, skipped_count):
    """What a device might have written of the commands in a guest's records: it took each 1 us after it was added."""
    types = {cookie: a for _, cookie, event, _, _, a, _ in guest if event == GPU_REQUEST}
    used = {cookie: when for when, cookie, event, _, _, _, _ in guest if event == VIRTQ_USED}
    number = 0
    yield 0, 0, QUEUE_START, 0x80, 0, 64, 0
    for number in range(1, skipped_count + 1):
        yield number, number, POP, 0x80, 0, 0, 0
        yield number, number, REQUEST, 0x80, 0, 0x100, 0
    for when, cookie, event, _, queue, _, _ in guest:
        if event == VIRTQ_ADD and cookie in types and queue == 0:
            number += 1
            took, gave = when + 1000 + CLOCKS_APART_NS, used[cookie] - 1000 + CLOCKS_APART_NS
            yield took, number, POP, 0x80, 0, 0, 0
            yield took, number, REQUEST, 0x80, 0, types[cookie], 0
            yield gave, number, HANDLED, 0x80, 0, 0x1100, 0
            yield gave, number, PUSH, 0x80, 0, 0x1100, 0


def write_device(path, header, rows):
    with open(path, "wb") as f:
        f.write(header[:10] + b"\2" + header[11:])
        for row in rows:
            f.write(RECORD.pack(*row))


def gpu_adds_before(guest):
    """How many control commands the driver had added when its trace began: its first record of the GPU's queue 0 tells."""
    gpu = next(origin for _, _, event, origin, _, _, _ in guest if event == GPU_REQUEST)
    return next(a for _, _, event, origin, queue, a, _ in guest if event == VIRTQ_COUNT and (origin, queue) == (gpu, 0))


@front("trace-join", "a guest's records and a device's become one line per command and Chrome trace JSON with arrows", "programs")
def trace_join(where):
    guest, host, chrome = (os.path.join(where, name) for name in ("guest", "host", "trace.json"))
    status, _, stderr = run_command("--exec", "gpu test", "--trace-records", guest)
    check(status == 0, f"./run --trace-records: exit status {status}\n{stderr}")
    header, rows = records(guest)
    write_device(host, header, device_records(rows, gpu_adds_before(rows)))
    status, stdout, stderr = run_vitrine("trace", "--join", guest, host, "--json", chrome, programs=REAL)
    check(status == 0, f"exit status {status}\n{stderr}")
    expect_in(r" RESOURCE_FLUSH +\d", stdout, "the command's line")
    expect_in(r"^device's clock = driver's clock \+(4999|5000)\d{6} ns, within \d+ ns$", stdout, "the clocks")
    check("left out" not in stdout and "lost" not in stdout, stdout)
    with open(chrome, encoding="ascii") as f:
        events = json.load(f)["traceEvents"]
    for phase, pid in (("X", 1), ("X", 2), ("s", 1), ("f", 2), ("s", 2), ("f", 1), ("b", 1)):
        check(any(e["ph"] == phase and e["pid"] == pid for e in events), f"no {phase} of process {pid}")


@front("trace-damaged", "vitrine trace names the byte that is wrong in a damaged file, and files that do not belong together", "programs")
def trace_damaged(where):
    guest, host = os.path.join(where, "guest"), os.path.join(where, "host")
    run_command("--exec", "gpu test", "--trace-records", guest)
    header, rows = records(guest)
    good = list(device_records(rows, gpu_adds_before(rows)))
    other = [row[:5] + (0x103,) + row[6:] if row[2] == REQUEST else row for row in good]
    for made, words in (
        (header[:20], "byte 20: the file ends within its header"),
        (b"x" * 64, "byte 0: this is no file of trace records"),
        (header + b"x" * 32, "byte 44: event 30840 is none of virtio/trace.def"),
        (good, "is of the device's side"),
    ):
        if isinstance(made, bytes):
            with open(host, "wb") as f:
                f.write(made)
        else:
            write_device(host, header, made)
        status, _, stderr = run_vitrine("trace", "--join", host, guest, programs=REAL)
        check(status == 1 and words in stderr and stderr.count("\n") == 1, f"exit status {status}\n{stderr}")
    write_device(host, header, other)
    status, _, stderr = run_vitrine("trace", "--join", guest, host, programs=REAL)
    check(status == 1 and "not of one run" in stderr, f"exit status {status}\n{stderr}")
    status, _, stderr = run_vitrine("trace", "--join", guest, "/no/such", programs=REAL)
    check(status == 3 and "cannot read /no/such" in stderr, f"exit status {status}\n{stderr}")


def places(guest, renderer):
    """What of the ring each side has: (first byte, bytes, id), sorted.  One ring, the kernel's, which is the renderer's number 1."""
    ours = sorted((b & 0xFFFFFFFF, a >> 32, a & 0xFFFFFFFF) for _, _, event, _, _, a, b in guest if event == VENUS_COMMAND)
    theirs = sorted((a, b >> 32, b & 0xFFFFFFFF) for _, _, event, _, queue, a, b in renderer if event == PICKED and queue == 1)
    return ours, theirs


@front("trace-rings", "Vulkan of our kernel on our device: each ring command has one renderer's record, and a line with its boundaries", "programs")
def trace_rings(where):
    guest, chrome = os.path.join(where, "guest"), os.path.join(where, "trace.json")
    status, _, stderr = run_command("--gpu", "vitrine", "--exec", "vulkan compute 1000 10", "--trace-records", guest)
    check(status == 0, f"./run --gpu vitrine --trace-records: exit status {status}\n{stderr}")
    host, renderer = guest + ".host", guest + ".host.renderer-1"
    rows = records(renderer)[1]
    ours, theirs = places(records(guest)[1], rows)
    check(len(ours) > 50 and ours == theirs, f"the guest wrote {len(ours)} commands, its renderer picked up {len(theirs)}")
    done = sum(1 for row in rows if row[2] == DONE)
    picked = sum(1 for row in rows if row[2] == PICKED)
    check(done == picked, f"{picked} commands picked up, {done} done")
    status, stdout, stderr = run_vitrine("trace", "--join", guest, host, renderer, "--json", chrome, programs=REAL)
    check(status == 0, f"exit status {status}\n{stderr}")
    expect_in(rf"^{len(ours)} commands of rings are in the guest's file and a renderer's$", stdout, "what was joined")
    expect_in(r" ring 1 @\d+ +vkQueueSubmit( +[\d.]+){5} +- +[\d.]+$", stdout, "a command that is not answered")
    expect_in(r" ring 1 @\d+ +vkWaitForFences( +[\d.]+){7}$", stdout, "a command that is answered")
    expect_in(r" submit \d+ @0 +vkCreateRingMESA +- +[\d.]+ ", stdout, "a command in a SUBMIT_3D")
    check("lost" not in stdout and "in no renderer" not in stdout, stdout)
    with open(chrome, encoding="ascii") as f:
        events = json.load(f)["traceEvents"]
    for phase, pid in (("X", 1), ("X", 3), ("s", 1), ("f", 3), ("s", 3), ("s", 2)):
        check(any(e["ph"] == phase and e["pid"] == pid and e.get("cat") == "vulkan" for e in events), f"no {phase} of process {pid}")
    status, stdout, stderr = run_vitrine("trace", host, renderer, programs=REAL)
    check(status == 0, f"without the guest's: exit status {status}\n{stderr}")
    expect_in(r" ring 1 @\d+ +vkQueueSubmit +- +- +[\d.]+ +[\d.]+ ", stdout, "the host's part")


@front("trace-vtest", "vitrine exec --trace-records: each process's Vulkan commands with the time that they took in its renderer", "programs")
def trace_vtest(where):
    path, info = os.path.join(where, "records"), vulkan_paths("mesa")["vulkaninfo"]
    run_mesa(("--trace-records", path), "/bin/sh", "-c", f"{info} --summary && {info} --summary")
    check(sorted(os.listdir(where)) == ["records.renderer-1", "records.renderer-2"], f"the files: {os.listdir(where)}")
    for name in os.listdir(where):
        status, stdout, stderr = run_vitrine("trace", os.path.join(where, name), programs=REAL)
        check(status == 0, f"{name}: exit status {status}\n{stderr}")
        expect_in(r" ring 1 @\d+ +vkEnumeratePhysicalDevices +- +- +[\d.]+ +[\d.]+ +[\d.]+ +- ", stdout, "a command of the ring")
        expect_in(r" stream \d+ @\d+ +vkCreateRingMESA +- +- ", stdout, "a command of the context's own stream")
        check(" not done" not in stdout, stdout)
