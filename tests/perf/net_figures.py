"""Packets per second and round trips of 64 bytes, beside Linux's virtio-net on the same cable."""

import campaign
from campaign import median, median_rate
from vitrine_bench.figure import Figure, Result


def tx():
    runs = campaign.net()
    ours = median_rate(runs["ours"], "net_tx", "packets")
    single, batched = (median_rate(runs["Linux"], name, "packets") for name in ("net_tx", "net_tx_batched"))
    peer = max(single, batched)
    note = f"{ours / peer:.2f} x; Linux one per system call {single:.0f}, in batches {batched:.0f}"
    return Result("packets/s", ours, peer, ours >= 3 * peer, note)


def rx():
    runs = campaign.net()
    ours, peer = (median_rate(runs[who], "net_rx", "packets") for who in ("ours", "Linux"))
    return Result("packets/s", ours, peer, ours >= 3 * peer, f"{ours / peer:.2f} x; 200000/s offered")


def rtt():
    runs = campaign.net()
    ours, peer = (median(runs[who], lambda r: r["net_rtt"]["p50_ns"] / 1e3) for who in ("ours", "Linux"))
    worst = [median(runs[who], lambda r: r["net_rtt"]["p99_ns"] / 1e3) for who in ("ours", "Linux")]
    return Result("us", ours, peer, ours <= peer / 2, f"{ours / peer:.2f} x; 99th percentile {worst[0]:.0f} / {worst[1]:.0f}")


def figures():
    return [
        Figure("net.tx", "64-byte frames sent, as counted by the host; peer: Linux, AF_PACKET", ">= 3 x Linux", tx),
        Figure("net.rx", "64-byte frames received; peer: Linux, AF_PACKET", ">= 3 x Linux", rx),
        Figure("net.rtt", "64-byte round trip, median; peer: Linux, AF_PACKET", "<= 1/2 of Linux", rtt),
    ]
