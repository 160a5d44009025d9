"""Command sequences of ours beside the peers', judged by what QEMU's device says that it received.

conformance: S0-21 S0-23
"""

import os
import re
import sys
import tempfile
import threading

from vitrine_run.guest import GuestError
from vitrine_test.suite import TOP, Failed, Skipped, Suite, run_program

from . import venus_suites

sys.path.insert(0, os.path.join(TOP, "tools/peers"))
import compare  # noqa: E402
import machines  # noqa: E402
import sequence  # noqa: E402

OURS_COMMANDS = "gpu test; gpu edid; gpu scanout 64 32 640 480; gpu cursor 100 50; gpu display 1280 800 flip; gpu test; gpu mode text; echo text"


def check(problem, steps):
    if problem:
        seen = "\n".join("  " + s.text() for s in sequence.commands(steps)[:60])
        raise Failed(f"{problem}\nthe device saw:\n{seen}")


def check_essential(steps):
    missing = sequence.missing_essential(steps)
    check(missing and f"no {missing} in its place: {' -> '.join(sequence.ESSENTIAL)}", steps)


_make_lock = threading.Lock()


def with_kernel(function):
    def run():
        with _make_lock:
            run_program(["make", "-s", "kernel"], 600, what="make kernel")
        try:
            with tempfile.TemporaryDirectory(prefix="vitrine-sequences-") as where:
                function(where)
        except GuestError as e:
            raise Failed(str(e)) from e

    return run


_fetch_lock = threading.Lock()


def with_peer(*names):
    """Fetches the peer where it is not there yet; an archive that cannot be reached is no failure, but it is said."""

    def decorate(function):
        def run():
            try:
                with _fetch_lock:
                    machines.fetch(*names)
                with tempfile.TemporaryDirectory(prefix="vitrine-sequences-") as where:
                    function(where)
            except machines.PeerMissing as e:
                raise Skipped(str(e)) from e
            except GuestError as e:
                raise Failed(str(e)) from e

        return run

    return decorate


def ours_is_complete(driver):
    @with_kernel
    def run(where):
        check_essential(compare.ours(where, OURS_COMMANDS, gpu_driver=driver))

    return run


@with_kernel
def queued_equals_simple(where):
    queued = compare.ours(where, OURS_COMMANDS, gpu_driver="queued")
    simple = compare.ours(where, OURS_COMMANDS, gpu_driver="simple")
    check(sequence.difference(sequence.commands(queued), sequence.commands(simple)), queued)


@with_peer("linux")
def linux_is_complete(where):
    check_essential(compare.linux(where))


@with_peer("efi")
def efi_is_complete(where):
    check_essential(compare.efi(where, quiet_s=3.0))


SAMPLE = """\
10@1.000000:virtio_set_status vdev 0x55 val 15
10@1.100000:virtio_gpu_cmd_res_create_2d res 0x7, fmt 0x2, w 1280, h 800
10@1.200000:virtio_gpu_cmd_res_back_attach res 0x7
virtio_gpu_cmd_set_scanout id 0, res 0x7, w 1280, h 800, x 0, y 0
virtio_gpu_cmd_res_xfer_toh_2d res 0x7
10@1.300000:virtio_gpu_cmd_res_flush res 0x7, w 64, h 64, x 8, y 16
qemu-system-aarch64: terminating on signal 15
"""


def expect(what, got, want):
    if got != want:
        raise Failed(f"{what}: got {got!r}, expected {want!r}")


def reader_reads():
    """The reader and the judge themselves, on a sample and on broken ones."""
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "sample")
        with open(path, "w", encoding="utf-8") as f:
            f.write(SAMPLE)
        steps = sequence.read(path)
    expect("steps", [s.text() for s in steps], [
        "status 15", "RESOURCE_CREATE_2D r1 format 2 1280x800", "RESOURCE_ATTACH_BACKING r1",
        "SET_SCANOUT r1 scanout 0 1280x800+0+0", "TRANSFER_TO_HOST_2D r1", "RESOURCE_FLUSH r1 64x64+8+16"])
    expect("first flush", sequence.first_time(steps, "RESOURCE_FLUSH"), 1.3)
    expect("missing of the whole", sequence.missing_essential(steps), None)
    expect("missing without a transfer", sequence.missing_essential(steps[:4] + steps[5:]), "TRANSFER_TO_HOST_2D")
    swapped = steps[:1] + [steps[2], steps[1]] + steps[3:]
    expect("missing when out of order", sequence.missing_essential(swapped), "RESOURCE_ATTACH_BACKING")
    expect("difference of equals", sequence.difference(steps, steps), None)
    expect("difference of a longer one", sequence.difference(steps, steps[:-1]),
           "6 commands / 5 commands; the first more is RESOURCE_FLUSH r1 64x64+8+16")
    rows = sequence.align([steps[1:], steps[1:3] + steps[4:]])
    expect("alignment", [[bool(s) for s in row] for row in rows], [[True] * 2] * 2 + [[True, False]] + [[True] * 2] * 2)


def bench_reads():
    """What ./bench reads of a guest's console, and what it makes of it."""
    sys.path.insert(0, os.path.join(TOP, "tests/perf"))
    import campaign

    console = "[ 0.1] boot\nbench net_tx packets=3000 elapsed_ns=1500000000 sent=3001\nbench broken\n bench x a=1\n"
    lines = campaign.bench_lines(console + "bench net_tx packets=4000 elapsed_ns=2000000000\n")
    expect("names", sorted(lines), ["net_tx"])
    expect("rate", campaign.rate(lines["net_tx"], "packets"), 2000.0)
    expect("rate of nothing", campaign.rate({"packets": 1, "elapsed_ns": 0}, "packets"), 0.0)
    try:
        campaign.median_rate([lines], "net_rx", "packets")
    except campaign.Unavailable as e:
        expect("the missing line's name", "net_rx" in str(e), True)
    else:
        raise Failed("a missing bench line is not told")


def cable_carries():
    """The host's end of the network cable counts, echoes and sends, without any guest."""
    with machines.net_peer_ports() as (peer, own):
        out = run_program([machines.built("cable_limit"), str(own), str(peer), "200"], 30)
    for name in ("cable_tx", "cable_rx", "cable_rtt"):
        m = re.search(rf"^bench {name} packets=(\d+) elapsed_ns=(\d+)$", out, re.M)
        if not m or int(m.group(1)) < 10 or int(m.group(2)) < 50_000_000:
            raise Failed(f"{name} does not work:\n{out}")


def whole_bench():
    """Every figure can be measured (whether a bar is met is ./bench's business: this machine may be busy)."""
    out = run_program(["./bench", "--runs", "1", "--seconds", "1"], 900)
    if "not measured here" in out or "broken:" in out:
        raise Failed(out)


def suites():
    return [
        Suite("peers.reader", "the reader of QEMU's traces, on samples", reader_reads),
        Suite("peers.ours-queued", "the device sees create, attach, set scanout, transfer, flush: queued", ours_is_complete("queued")),
        Suite("peers.ours-simple", "the device sees create, attach, set scanout, transfer, flush: simple", ours_is_complete("simple")),
        Suite("peers.queued-equals-simple", "both drivers send the device the same commands", queued_equals_simple),
        Suite("peers.linux", "Linux's virtio-gpu has the same essential sequence", linux_is_complete),
        Suite("peers.efi", "EDK2's VirtioGpuDxe has the same essential sequence", efi_is_complete),
        Suite("bench.lines", "./bench reads what guests print", bench_reads),
        Suite("bench.cable", "the host's end of the network cable works", cable_carries),
        Suite("long.bench", "every figure of ./bench can be measured", whole_bench, long_only=True, alone=True),
    ] + venus_suites.suites()
