"""What the device itself can do: whole frames asked for by qtest, without a guest (tests/qtest/gpu_limit_bench.c)."""

import os
import subprocess

import campaign
from vitrine_bench.figure import Unavailable, settings

SOURCE = "tests/qtest/gpu_limit_bench.c"
PROGRAM = "build/bench/bin/gpu_limit_bench"


def _run():
    if not os.path.exists(os.path.join(campaign.TOP, SOURCE)):
        raise Unavailable(f"there is no {SOURCE}")
    subprocess.run(["make", "-s", PROGRAM], cwd=campaign.TOP, check=True)
    done = subprocess.run([PROGRAM, str(settings.seconds)], cwd=campaign.TOP, text=True, stdout=subprocess.PIPE, check=False)
    line = campaign.bench_lines(done.stdout).get("gpu_limit_full")
    if done.returncode != 0 or not line:
        raise Unavailable(f"{PROGRAM} ended with {done.returncode} and printed no 'bench gpu_limit_full'")
    return campaign.rate(line, "frames")


@campaign.once
def _runs():
    return sorted(_run() for _ in range(settings.runs))


def full_frames_hz():
    """Whole frames per second, transfer and flush: the median of the runs."""
    runs = _runs()
    return runs[len(runs) // 2]
