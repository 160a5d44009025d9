"""Frames per second and their latency, beside Linux's virtio-gpu and beside the device's own limit.

conformance: S1-15 S1-16
"""

import campaign
from campaign import median, median_rate, rate, spread
from vitrine_bench.figure import Figure, Result


def full():
    runs = campaign.gpu()
    ours, peer = (median_rate(runs[who], "gpu_full", "frames") for who in ("ours", "Linux"))
    most = max(median_rate(runs["limit"], name, "frames") for name in ("gpu_limit_full", "gpu_limit_full_one"))
    between = "ours " + spread(runs["ours"], lambda r: rate(r["gpu_full"], "frames"))
    note = f"{between}; device's limit by qtest {most:.0f}: {ours / most:.2f} of it"
    return Result("frames/s", ours, peer, ours >= 0.9 * most and ours >= peer, note)


def paced():
    runs = campaign.gpu()
    ours, peer = (median(runs[who], lambda r: r["gpu_paced"]["p99_ns"] / 1e6) for who in ("ours", "Linux"))
    middle = median(runs["ours"], lambda r: r["gpu_paced"]["p50_ns"] / 1e6)
    return Result("ms", ours, peer, ours < 10.0, f"ours: median of frames {middle:.2f} ms")


def damage():
    runs = campaign.gpu()
    ours, peer = (median_rate(runs[who], "gpu_damage", "frames") for who in ("ours", "Linux"))
    return Result("frames/s", ours, peer, ours >= 4 * peer, f"{ours / peer:.2f} x Linux")


def scene():
    runs = campaign.gpu()
    ours, naive = (median_rate(runs["ours"], name, "frames") for name in ("gpu_scene", "gpu_scene_naive"))
    linux, linux_naive = (median_rate(runs["Linux"], name, "frames") for name in ("gpu_scene", "gpu_scene_naive"))
    note = f"{ours / naive:.1f} x; Linux the same way {linux:.0f}, naively {linux_naive:.0f}"
    return Result("frames/s", ours, naive, ours >= 5 * naive, note)


def figures():
    return [
        Figure("gpu.full", "whole frames of 1280x800, transfer and flush; peer: Linux's dirty framebuffer",
               ">= 0.9 of the device's limit and >= Linux", full),
        Figure("gpu.paced", "99th percentile of a whole frame at 60 frames/s; peer: Linux", "< 10 ms", paced),
        Figure("gpu.damage", "64x64 damage; peer: Linux's dirty framebuffer", ">= 4 x Linux", damage),
        Figure("gpu.scene", "a moving scene drawn and presented by damage; peer: ours, by copying whole frames",
               ">= 5 x naive", scene),
    ]
