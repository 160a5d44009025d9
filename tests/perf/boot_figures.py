"""How soon there is a picture."""

import statistics

import campaign
from vitrine_bench.figure import Figure, Result

BAR_S = 0.2


def measure():
    runs = campaign.boots()
    middle = {who: statistics.median(values) for who, values in runs.items()}
    peer = min(middle["EDK2"], middle["Linux"])
    note = f"EDK2 {middle['EDK2']:.3f}, Linux {middle['Linux']:.3f}; ours {min(runs['ours']):.3f} to {max(runs['ours']):.3f}"
    return Result("s", middle["ours"], peer, middle["ours"] <= BAR_S and middle["ours"] < peer, note)


def figures():
    return [Figure("boot.first-flush", "from QEMU's start to the first flush", "<= 0.2 s and ahead of EDK2 and Linux", measure)]
