#!/usr/bin/env python3
"""Writes docs/figures.md from build/bench.json, the record of the last ./bench.

usage: ./bench && tools/vitrine_bench/page.py [--keep]

  --keep   figures that this record lacks keep their rows, marked as of an earlier day
"""

import json
import os
import re
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))
from vitrine_bench import main as bench  # noqa: E402

RECORD, PAGE = os.path.join(TOP, "build/bench.json"), os.path.join(TOP, "docs/figures.md")
FULL = 8  # figures that a whole run has at least
EARLIER = "†"

HEAD = """\
# Figures

Written by `tools/vitrine_bench/page.py` from runs of every figure of `./bench` in one session: {when}, {qemu}, {processors} processors, TCG (guests on our device: QEMU 11), {runs} runs of
{seconds} s each, ours and the peers alternating, medians; load at the end {load_at_end},
{stolen_percent} % of the processors' time given to other machines of the host. Rates under emulation on a shared machine
vary by a factor of two from day to day; compare within a row, not between runs. Rows marked † are of an earlier session.

| figure | what | ours | peer | unit | bar | | more |
|---|---|---|---|---|---|---|---|
"""

TAIL = """
## How it is measured, and where the time goes

- **boot.first-flush**: QEMU's own trace events, from the start of its process to the first RESOURCE_FLUSH at the device.
- **gpu.full**: the device copies 4 MB twice per frame (guest to image, image to surface); that is its limit, measured by qtest without a
  guest (`tests/qtest/gpu_limit_bench.c`). Of four quiet runs ours had 0.87, 0.89, 0.96 and 0.97 of it. What is missing: QEMU handles a batch of
  commands with its big lock held, and the guest, which needs that lock for its next notification and for each reading of
  the clock, gets to add frames only between batches; about 66 µs then pass until the next one begins. Up to 16 frames are in flight so
  that this is paid once for many (7 to 12 frames per notification, `gpu latency`); 28 in flight (26 per notification), or
  waiting until half of them are free, gave nothing beyond the noise. Since those runs the library looks at the clock twice per
  frame, not eight times: 1.12 to 1.25 times the frames of *gpu.damage*, compared in pairs; of whole frames 1.00 to 1.03 times,
  which is within the noise of a shared machine of two processors (quartiles 0.9 to 1.1). Before it takes the answers, not
  after, the clock gave 1.03 times more whole frames, within the noise too, and a wait could not see its deadline in that turn.
- **gpu.damage, gpu.scene**: one notification per frame, a transfer per damaged rectangle; 8 sprites of 64x64 on 1280x800.
- **gpu.paced**: a whole frame each 1/60 s, from its start until the device has answered its flush.
- **net.\\***: 64-byte frames through `-netdev dgram` to `tests/perf/net_peer.c`, counted by the host; Linux by AF_PACKET with one frame
  per system call, as programs do, and in batches of 64 (`net.tx-batched`). *The cable alone* is the same back-end without a guest.
  Under TCG each reading of the counter takes the lock that the device needs, so the queues of the network are not timed
  unless the trace is on (`virtq_config.is_untimed`).
- **venus.\\***: one Vulkan program (`tests/vulkan/vkt_bench.c`; for `venus.vkmark` Debian 13's vkmark) in turn on lavapipe in its own
  process, through virglrenderer's test server and through `vitrine exec`, all over the same lavapipe with the same Venus client, whose
  own polling bounds what waits. *native* is lavapipe alone; `venus.ring*` is measured
  without such a client (`tests/perf/ring_load.c`). Without a swapchain, which the peer does not give here, vkmark does not start.
- **venus.ring-sampler, -record, -alloc, -frames**: what Mesa's client sent for that part of the program, recorded (`vitrine exec --record`) and
  played into either server's ring by `tests/perf/ring_play.c`: no encoding, no polling, messages of one system call each. *native* is
  still the program on lavapipe. Memory is mapped, set and unmapped by the player, of which the kernel's part is 30 to 40 µs with pages
  that are there and 75 µs with new ones; a submission's end is awaited by the server, so that nobody is woken between two frames.
- **venus.ring-vkmark**: of each of vkmark's scenes the frames that Mesa's client sent for one turn through the swapchain's four images, played the
  same way, over all that made the scene: models and textures too, which the record has from the client's memory. The score is the mean of
  the scenes' rates, as vkmark's is. A scene stands still, at what it showed in the middle of the time that is measured natively; the numbers that turn
  it are written into memory without a command. Images are linear and presented without a copy, natively too. The stream's frame is more work
  than vkmark's on lavapipe: to draw and to present are a submission each, and lavapipe waits for the second; Mesa's client, which synchronizes for
  the screen by itself, submits once more to wait for that, and has the device write a word for each fence. It lacks what vkmark and the
  client compute themselves. Of a played frame of *clear* five sixths are within lavapipe's vkQueueSubmit and vkWaitForFences
  (`vitrine exec --stats`). The peer refuses the device, which asks for a swapchain's extensions.
- **The machine's two states**: two processors of a shared machine, whose neighbours come and go. In runs of one binary within a minute a played sampler
  takes 150 or 300 ns, a synchronous call by the load generator 210 or 920: a line of one processor's cache then comes to the other twice to
  four times as slowly, and what both servers wait for alike outweighs what they do. Ratios to the peer are best when the machine is quiet, and a row is
  one run. Over the runs of 2026-11-21: ring-call 0.29 to 1.07 of the peer, ring-sampler 0.43 to 0.59 and, since
  commands of one layout are decoded in a straight line, 0.31 to 0.56 (0.46 when quiet), ring-record 1.9 to 2.6 times, ring-alloc 0.24 to 0.29 and alloc
  0.29 to 0.36, ring-frames 0.78 to 1.01 of native, ring-vkmark 0.94 to 1.13; guest.frames 0.93 to 1.09 times, guest.compute 0.28 to 0.47.
  Within one hour of the next day: sync-idle 0.23, 0.49 and 0.73 of the peer (53, 202 and 334 µs), ring-wake 0.20, 0.22 and 0.56,
  sync-idle-late 0.64 to 1.2, ring-wake-late 0.34 to 1.24, alloc 0.29 to 0.45, ring-sampler 0.35 and 0.54, guest.submit's median 1.08, guest.frames 1.04.
  *sync-idle-worst* is the worst of some 600 wake-ups, 0.3 to 2.1 of the peer: two bare threads that wake each other after 5 ms by a futex take
  11 to 20 µs here, and once in 1,200 times 1,900; in the late ones that `perf record -e sched:*` showed, a kernel thread or another machine was on the
  processor. So the 99th percentiles stand beside it (*sync-idle-late*, *ring-wake-late*); when more than some 5 % of the processors' time goes to
  other machines, they too are 3 to 4 ms for both servers.
- **venus.sync**: without Mesa's client a synchronous call takes the server a third of the peer's time on a quiet machine (*venus.ring-call*); the client
  encodes, looks once per yield, and shares two processors with the ring's thread.
- **venus.frames, venus.vkmark**: of a frame (`vitrine exec --stats -- build/vulkan/bin/vkt_bench --only frames`) lavapipe takes some 143 µs
  within vkQueueSubmit, all other commands together 3 µs. The rest passes between the end of that and the client's look at the word that
  says so: Mesa yields 256 times and then sleeps 160 µs at a time, on the processors that lavapipe draws with. The threads of either server
  make the same system calls for a frame (`strace -f`, 2,300 frames): 4 futexes where commands are executed, 30 in the threads that draw.
- **venus.record**: decoding is 20 ns of a command (*venus.decode*); the client's own recording, some 1 ms of 9, and lavapipe's, 3 ms natively,
  come one after the other, because Mesa sends a command buffer when it is ended. A server alone takes twice the peer's rate (*venus.ring*).
- **venus.sampler**: the renderer's part is 50 ns a pair, where it was 107 and then 78 (`build/bench/bin/venus_decode_bench`; decision 6), lavapipe's 70; the rest is
  the client and the ring, whose head is no longer stored for each command (`vn_ring_show_head`): a client that waits for room looks at it all the time.
- **venus.alloc**: memory that this client freed is used again (`venus/shared.h`), so that the renderer makes 5 system calls for an allocation,
  besides waiting, where they were 12 (`strace -f`), and a ring looks on for 150 µs before it naps, as long as nobody who computes wants the
  processor (`REST_ALONE_NS`); what remains is the client's own mapping and its faults, two messages, and the
  wake-ups between the client, the thread that serves its socket, and the ring.
- **guest.\\***: Debian 13 in QEMU 11 (x86, TCG) runs `tests/vulkan/vkt_bench.c` with its own Mesa on `vitrine-gpu --vhost-user`, and on virtio-gpu-gl with
  virglrenderer's render server, over the same lavapipe; our kernel (AArch64, TCG) draws whole frames on our device and on QEMU's
  virtio-gpu-pci in the same QEMU (`tests/perf/guest_figures.py`). An emulated processor polls without giving way, so that two processors are
  shared by the guest's two, the renderer's thread and lavapipe's two. `guest.compute` is a round of
  `vulkan compute 64 10000`, against the same by `vkt_bench --only compute-few`: recorded anew, submitted, waited for. Memory is the pages that the guest's memory file has, when the picture is there.
- **guest.submit**: the median, for the mean is ruled by what happens seldom. Mesa's client looks 16 times, yielding, which is some 20 µs in this guest,
  and then sleeps 160 µs; the answer takes 17 µs when the ring and lavapipe's thread share one processor and the guest's the other. When it comes a
  little later (by `perf record -e sched:*`: QEMU's loop or lavapipe's thread is put where the guest runs, and a wake-up to there takes 15 µs
  where it takes 2), the client sleeps, and meets a ring that rests when it comes back. Over 20 starts of each in one session medians were 18 to 26 µs on
  both, means 26 to 580 µs: in quiet series 55 for ours and 37 for the peer, whose ring looks 16 times between yields and then naps 10 µs at a time. A
  call that is missed takes 250 to 500 µs, and what is missed has a reason in the kernel: lavapipe's thread is woken where the guest's processor
  computes, and waits 80 µs for it, while the ring's own processor falls idle for naps too short to fetch it. A ring of ours that
  rests after 60 pauses as the peer's does has means of 57 where the peer has 50 and we 64 to 94 (18 to 42 processes of a second each, in
  turn), but a synchronous call takes 0.85 of the peer's time where it takes 0.28, an allocation 0.32 for 0.25 and a frame 1.16 for 0.99: not
  done. Neither the C library (the peer's tried), nor shorter time slices for lavapipe's thread, nor longer naps make a difference that is
  seen through the noise; a ring of nice 12 does (48 for 67), but would stand back for everybody else, too.
- **library.text**: `size` of build/aarch64/libvirtio.a, code and constants.
"""


def number(value):
    return "–" if value is None else f"{value:,.6g}"


def row(f):
    what = f["about"].split("; peer")[0]
    mark = {"met": "met", "missed": "**missed**"}.get(f["verdict"], f["verdict"])
    return (f"| {f['name']} | {what} | {number(f.get('ours'))} | {number(f.get('peer'))} | {f.get('unit', '')} | {f['bar']} | {mark} | "
            f"{f.get('note', '')} |")


def kept_rows(names):
    """The page's rows of figures other than these, each marked once."""
    with open(PAGE, encoding="utf-8") as f:
        rows = [line.rstrip("\n") for line in f if re.match(r"\| [a-z]+\.", line)]
    known = {figure.name for figure in bench.all_figures()}
    kept = [r for r in rows if r.split("|")[1].strip(f" {EARLIER}") in known - names]
    return [r if EARLIER in r else r.replace(" |", f" {EARLIER} |", 1) for r in kept]


def main():
    with open(RECORD, encoding="utf-8") as f:
        record = json.load(f)
    rows = [row(f) for f in record["figures"]]
    if "--keep" in sys.argv[1:]:
        rows += kept_rows({f["name"] for f in record["figures"]})
    elif len(rows) < FULL:
        sys.exit(f"page: {RECORD} holds {len(rows)} figures; run ./bench without --only first, or say --keep")
    record["when"] = time.strftime("%Y-%m-%d", time.gmtime(record["when_s"]))
    record.setdefault("stolen_percent", "an unknown number of")
    text = HEAD.format(**record) + "\n".join(rows) + "\n" + TAIL
    with open(PAGE, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()
