"""./run as a person meets it: options, messages, exit statuses, files it writes."""

import json
import os
import tempfile

from .cases import check, expect_in, run_command, system

WRONG_USES = (
    (("--smp", "99"), "--smp 99"),
    (("--mmio", "3"), "--mmio"),
    (("--rings", "packed", "--mmio", "1"), "needs --mmio 2"),
    (("--bogus",), "--bogus"),
    (("--screenshot", "x.gif"), ".png"),
    (("--screenshot", "/nowhere/at/all/x.png"), "directory"),
    (("--exec", " ; "), "--exec is empty"),
    (("--timeout", "-1"), "above 0"),
    (("--qemu", "no-such-qemu"), "no such program"),
)


@system("run.usage", "./run names a wrong option and ends with 2; --help teaches every option")
def usage():
    for arguments, message in WRONG_USES:
        status, _, stderr = run_command(*arguments)
        check(status == 2, f"./run {' '.join(arguments)}: exit status {status}, expected 2\n{stderr}")
        check(message in stderr and "--help" in stderr, f"./run {' '.join(arguments)} said only:\n{stderr}")
    status, stdout, _ = run_command("--help")
    check(status == 0, f"./run --help: exit status {status}")
    for word in ("--exec", "--screenshot", "--display", "--smp", "--mmio", "--gic", "--gpu-driver", "--rings", "--timeout",
                 "--trace", "Ctrl-A X", "124"):
        check(word in stdout, f"./run --help does not explain {word}")


@system("run.screenshot", "./run --exec --screenshot writes a PNG and ends with 0")
def screenshot():
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "shot.png")
        status, stdout, stderr = run_command("--exec", "gpu test", "--screenshot", path)
        check(status == 0, f"exit status {status}\n{stdout[-1500:]}{stderr[-1500:]}")
        with open(path, "rb") as f:
            check(f.read(8) == b"\x89PNG\r\n\x1a\n", "the screenshot is no PNG")
        expect_in(r"1280x800, 8 colours", stderr, "the report of the screenshot")


@system("run.failed-command", "./run ends with 1 when a command fails")
def failed_command():
    status, _, stderr = run_command("--exec", "frobnicate")
    check(status == 1, f"exit status {status}, expected 1\n{stderr}")


@system("run.panic", "./run ends with 4 when the kernel panics")
def panics():
    status, stdout, stderr = run_command("--exec", "panic")
    check(status == 4, f"exit status {status}, expected 4\n{stdout[-1500:]}{stderr}")


@system("run.timeout", "./run ends with 124 when time runs out")
def times_out():
    status, _, stderr = run_command("--exec", "help", "--timeout", "0.02")
    check(status == 124, f"exit status {status}, expected 124\n{stderr}")
    check("time ran out" in stderr, stderr)


@system("run.trace", "./run --trace writes Chrome trace JSON with the GPU's commands in it")
def trace():
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "trace.json")
        status, stdout, stderr = run_command("--exec", "gpu test", "--trace", path)
        check(status == 0, f"exit status {status}\n{stdout[-1500:]}{stderr[-1500:]}")
        with open(path, encoding="utf-8") as f:
            data = json.load(f)
        events = data["traceEvents"] if isinstance(data, dict) else data
        check(any("FLUSH" in str(e).upper() for e in events), "no flush command among the trace's events")
