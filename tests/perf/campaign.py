"""Runs of ours and of the peers, alternating, so that what the machine does meanwhile strikes all alike."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, "tools"), os.path.join(TOP, "tools/peers")]
import machines  # noqa: E402
import sequence  # noqa: E402
from vitrine_bench.figure import Unavailable, settings  # noqa: E402
from vitrine_run.guest import Guest, GuestError  # noqa: E402
from vitrine_run.machine import Machine  # noqa: E402

_cache = {}


def once(function):
    """A campaign is run once and serves every figure that needs it; what went wrong is told to each of them."""

    def wrapper():
        if function not in _cache:
            try:
                _cache[function] = function()
            except (Unavailable, machines.PeerMissing) as e:
                _cache[function] = Unavailable(str(e))
            except (GuestError, TimeoutError) as e:
                _cache[function] = Unavailable(f"{type(e).__name__}: {e}")
        if isinstance(_cache[function], Exception):
            raise _cache[function]
        return _cache[function]

    return wrapper


def need_kernel():
    done = subprocess.run(["make", "-s", "kernel"], cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if done.returncode != 0:
        raise Unavailable("make kernel failed: " + (done.stdout.strip().splitlines() or ["no reason"])[-1])


def bench_lines(output):
    """name -> {key: value} of every line `bench NAME key=value ...`; a later line of the same name wins."""
    found = {}
    for m in re.finditer(r"^bench (\w+)((?: \w+=\d+)+)\s*$", output, re.M):
        found[m.group(1)] = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", m.group(2))}
    return found


def run_ours(machine):
    """Boots our kernel with commands; gives its bench lines."""
    with Guest(machine) as guest:
        m = guest.expect(machine.exec_end, settings.guest_timeout_s)
        if m.group(1):  # a kernel that panicked halts
            guest.wait_end()
        if m.group(1) != "0":
            complaint = [s for s in guest.output.splitlines() if "bench" in s and not s.startswith("bench ")]
            failure = f"{m.group(1)} commands failed" if m.group(1) else "it panicked"
            raise Unavailable(f"our kernel: {failure} ({(complaint or ['no word why'])[-1].strip()})")
        return bench_lines(guest.output)


def run_linux(machine):
    with Guest(machine) as guest:
        guest.expect(r"^peer done", settings.guest_timeout_s)
        if "peer failed" in guest.output:
            raise Unavailable(f"the Linux peer: {re.search('peer failed.*', guest.output).group(0)}")
        return bench_lines(guest.output)


def rate(line, unit):
    """Per second."""
    return line[unit] * 1e9 / line["elapsed_ns"] if line["elapsed_ns"] else 0.0


def median(runs, pick):
    """The median over runs of what `pick` takes from each; Unavailable when a run lacks it."""
    try:
        return statistics.median(pick(r) for r in runs)
    except KeyError as e:
        raise Unavailable(f"a run printed no 'bench {e.args[0]} ...' line") from e


def median_rate(runs, name, unit):
    return median(runs, lambda r: rate(r[name], unit))


def spread(runs, pick):
    """The runs' lowest and highest, for the record."""
    values = [pick(r) for r in runs]
    return f"{min(values):.4g} to {max(values):.4g}"


def seconds_to_flush(machine, timeout_s=20.0):
    """From QEMU's start to the first RESOURCE_FLUSH at the device, by QEMU's own trace."""
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as where:
        path = os.path.join(where, "trace")
        machine.extra = tuple(machine.extra) + machines.trace_words(path)
        start, deadline = time.time(), time.monotonic() + timeout_s
        with Guest(machine) as guest:
            while time.monotonic() < deadline and guest.process.poll() is None:
                if os.path.exists(path):
                    at = sequence.first_time(sequence.read(path), "RESOURCE_FLUSH")
                    if at:
                        return at - start
                time.sleep(0.02)
            raise Unavailable(f"{type(machine).__name__}: no flush reached the device{guest.last_words(5)}")


@once
def boots():
    """{who: [seconds to the first flush]} of ours, EDK2 and Linux."""
    need_kernel()
    machines.fetch("linux", "efi")
    makers = {"ours": Machine, "EDK2": machines.EfiMachine, "Linux": machines.LinuxMachine}
    runs = {who: [] for who in makers}
    for _ in range(settings.runs):
        for who, make in makers.items():
            runs[who].append(seconds_to_flush(make()))
    return runs


def guests(ours_commands, linux_jobs, limit, wrap=lambda t: t, **choices):
    """{who: [bench lines of each run]} of our kernel, of Linux, and of `limit`: the same without a guest."""
    need_kernel()
    machines.fetch("linux")
    runs = {"ours": [], "Linux": [], "limit": []}
    for _ in range(settings.runs):
        runs["ours"].append(run_ours(wrap(Machine)(exec_commands=ours_commands, **choices)))
        runs["limit"].append(limit())
        runs["Linux"].append(run_linux(wrap(machines.LinuxMachine)(jobs=linux_jobs, **choices)))
    return runs


def device_limit():
    """What QEMU's GPU does when it is asked by qtest, without a guest (tests/qtest/gpu_limit_bench.c: four figures)."""
    program = "build/bench/bin/gpu_limit_bench"
    subprocess.run(["make", "-s", program], cwd=TOP, check=True)
    done = subprocess.run([program, str(4 * settings.seconds)], cwd=TOP, text=True, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{program} ended with {done.returncode}")
    return bench_lines(done.stdout)


def cable_limit():
    """What the network cable carries when a program on the host is in QEMU's place (tests/perf/cable_limit.c)."""
    with machines.net_peer_ports() as (peer, own):
        command = [machines.built("cable_limit"), str(own), str(peer), str(settings.seconds * 1000)]
        return bench_lines(subprocess.run(command, text=True, stdout=subprocess.PIPE, check=True).stdout)


@once
def gpu():
    s = settings.seconds
    return guests(
        "; ".join(f"gpu bench {n} {s}" for n in ("full", "damage", "scene", "paced")),
        ",".join(f"gpu_{n}:{s}" for n in ("full", "damage", "scene", "paced")),
        device_limit,
    )


@once
def net():
    s = settings.seconds
    with machines.net_peer() as cable:
        return guests(
            "; ".join(f"net bench {n} {s}" for n in ("tx", "rx", "rtt")),
            ",".join(f"net_{n}:{s}" for n in ("tx", "tx_batched", "rx", "rtt")),
            cable_limit, machines.with_cable, cable=cable,
        )
