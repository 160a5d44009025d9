#!/usr/bin/env python3
"""Prints the GPU command sequences of ours, Linux and EDK2 on the same device, side by side, from QEMU's own trace.

usage: tools/peers/compare.py [--exec 'CMD; CMD'] [--most N] [--status]     (default commands: 'gpu test')

Exit status: 0 printed; 2 wrong use; 3 a peer or our kernel is not there.
"""

import argparse
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machines  # noqa: E402
import sequence  # noqa: E402
from vitrine_run.guest import Guest, GuestError  # noqa: E402
from vitrine_run.machine import IMAGE, Machine  # noqa: E402

EFI_DRAWS_S = 6.0  # EDK2 goes on to its boot menu and never ends by itself


def record(machine, path, until, timeout_s=40.0):
    """Runs a machine with the trace on; `until(guest, timeout_s)` returns when enough was seen.  Gives the steps."""
    machine.extra = tuple(machine.extra) + machines.trace_words(path)
    with Guest(machine) as guest:
        until(guest, timeout_s)
    return sequence.read(path)


def until_printed(pattern):
    def wait(guest, timeout_s):
        guest.expect(pattern, timeout_s)
        guest.wait_end()

    return wait


def until_flushed(path, quiet_s=EFI_DRAWS_S):
    """Until the trace holds a flush and, after that, `quiet_s` have passed."""

    def wait(guest, timeout_s):
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if os.path.exists(path) and sequence.first_time(sequence.read(path), "RESOURCE_FLUSH"):
                time.sleep(quiet_s)
                return
            time.sleep(0.05)
        raise TimeoutError(f"no flush within {timeout_s:g} s{guest.last_words()}")

    return wait


def ours(where, commands, **choices):
    path = os.path.join(where, "ours-" + "-".join(str(v) for v in choices.values()))
    machine = Machine(exec_commands=commands, **choices)
    return record(machine, path, until_printed(f"vitrine: exec done status=0{machine.mark}$"))


def linux(where, jobs="gpu_still:1"):
    return record(machines.LinuxMachine(jobs=jobs), os.path.join(where, "linux"), until_printed(r"^peer done"))


def efi(where, quiet_s=EFI_DRAWS_S, gpu_bus="pci"):
    path = os.path.join(where, "efi-" + gpu_bus)
    return record(machines.EfiMachine(gpu_bus=gpu_bus), path, until_flushed(path, quiet_s))


def print_comparison(options):
    with tempfile.TemporaryDirectory(prefix="vitrine-sequences-") as where:
        columns = [linux(where), efi(where)]
        if os.path.exists(IMAGE):
            columns.insert(0, ours(where, options.exec_commands, gpu_driver="queued"))
            columns.insert(1, ours(where, options.exec_commands, gpu_driver="simple"))
    titles = ["ours, queued", "ours, simple", "Linux", "EDK2"][-len(columns) :]
    keep = (lambda s: s) if options.status else sequence.commands
    columns = [keep(c) for c in columns]
    print(sequence.table(titles, [c[: options.most] for c in columns]))
    print("\nin all: " + ", ".join(f"{t} {len(c)}" for t, c in zip(titles, columns)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--exec", dest="exec_commands", default="gpu test", help="shell commands run by our kernel")
    parser.add_argument("--most", type=int, default=30, metavar="N", help="at most N commands of each (default %(default)s)")
    parser.add_argument("--status", action="store_true", help="also show the changes of every device's status register")
    try:
        machines.fetch("linux", "efi")
        print_comparison(parser.parse_args())
    except (machines.PeerMissing, GuestError, TimeoutError) as e:
        print(f"compare: {e}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
