"""Packets per second and round trips of 64 bytes, beside Linux's virtio-net on the same cable."""

import campaign
from campaign import median, median_rate
from vitrine_bench.figure import Figure, Result


def of_cable(ours, name):
    """How near that is to a program in QEMU's place, which pays for the host's system calls only."""
    most = median_rate(campaign.net()["limit"], name, "packets")
    return f"the cable alone {most:.0f}/s: {ours / most:.2f} of it"


def tx():
    """Linux sends one frame per system call, as a program with an AF_PACKET socket does."""
    runs = campaign.net()
    ours, peer = (median_rate(runs[who], "net_tx", "packets") for who in ("ours", "Linux"))
    return Result("packets/s", ours, peer, ours >= 3 * peer, f"{ours / peer:.2f} x; {of_cable(ours, 'cable_tx')}")


def tx_batched():
    """Linux's best: 64 frames per system call, past the queueing discipline."""
    runs = campaign.net()
    ours, peer = median_rate(runs["ours"], "net_tx", "packets"), median_rate(runs["Linux"], "net_tx_batched", "packets")
    return Result("packets/s", ours, peer, ours >= peer, f"{ours / peer:.2f} x; {of_cable(ours, 'cable_tx')}")


def rx():
    runs = campaign.net()
    ours, peer = (median_rate(runs[who], "net_rx", "packets") for who in ("ours", "Linux"))
    return Result("packets/s", ours, peer, ours >= 3 * peer, f"{ours / peer:.2f} x; {of_cable(ours, 'cable_rx')}; 200000/s offered")


def rtt():
    runs = campaign.net()
    ours, peer = (median(runs[who], lambda r: r["net_rtt"]["p50_ns"] / 1e3) for who in ("ours", "Linux"))
    worst = [median(runs[who], lambda r: r["net_rtt"]["p99_ns"] / 1e3) for who in ("ours", "Linux")]
    alone = 1e6 / median_rate(campaign.net()["limit"], "cable_rtt", "packets")
    note = f"{ours / peer:.2f} x; 99th percentile {worst[0]:.0f} / {worst[1]:.0f}; the cable alone {alone:.0f}"
    return Result("us", ours, peer, ours <= peer / 2, note)


def figures():
    return [
        Figure("net.tx", "64-byte frames sent, as counted by the host; peer: Linux, one per system call", ">= 3 x Linux", tx),
        Figure("net.tx-batched", "the same; peer: Linux, 64 per system call", ">= Linux", tx_batched),
        Figure("net.rx", "64-byte frames received; peer: Linux, AF_PACKET", ">= 3 x Linux", rx),
        Figure("net.rtt", "64-byte round trip, median; peer: Linux, AF_PACKET", "<= 1/2 of Linux", rtt),
    ]
