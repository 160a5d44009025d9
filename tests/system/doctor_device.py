"""vitrine doctor and vitrine trace on our own device process, under our kernel.

conformance: S0-13 S0-19
"""

import contextlib
import io
import json
import os
import re
import tempfile

from vitrine_run import main as run_main
from vitrine_test.vulkan_setup import vulkan_paths

from .cases import BOOT_TIMEOUT_S, PROMPT, check, expect_in, shell, system
from .doctor import causes, examine, qmp_of
from .our_gpu import VULKAN, OurGpu, boot_with_our_gpu
from .venus_front import run_vitrine
from .venus_server import REAL

# what is typed, the cause that must come first, words of the verdict
WAYS = (
    ("scanout-off", "gpu break scanout-off", "scanout-off", "Scanout 0 .*is off"),
    ("outside", "gpu break outside", "outside", "refused"),
    ("unbound", "gpu break unbound", "unbound", "no memory bound to it"),
    ("no-flush", "gpu break no-flush", "no-flush", "Nothing was flushed on scanout 0"),
    ("no-notify", "gpu break no-notify", "not-notified", "does not take them"),
    ("reset", "virtio reset 4 firmware", "reset", "DRIVER_OK of (gpu0|our device) is gone"),
)


def find_way(typed, cause, words):
    with OurGpu() as gpu, boot_with_our_gpu(gpu) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        for sockets in (("--control", gpu.control), ("--control", gpu.control, "--qmp", qmp_of(guest)), ("--qmp", qmp_of(guest))):
            status, report = examine(*sockets)
            check(status == 0, f"a good picture: {json.dumps(report, indent=1)}", guest)
        shell(guest, typed)
        both = ("--control", gpu.control, "--qmp", qmp_of(guest))
        # Where the driver's index stands, only QEMU and the guest's memory tell.
        for sockets in (both,) if cause == "not-notified" else (both[:2], both):
            status, report = examine(*sockets)
            check(status == 1 and causes(report)[:1] == [cause], f"{sockets}: {json.dumps(report, indent=1)}", guest)
            check(re.search(words, report["verdict"]), f"no /{words}/ in: {report['verdict']}")
        shell(guest, "gpu restart")
        shell(guest, "gpu test")
        status, report = examine(*both)
        check(status == 0, f"after a restart: {json.dumps(report, indent=1)}", guest)


for _name, *_way in WAYS:
    system(f"our-gpu.doctor.{_name}", f"the doctor finds on our device, with and without QMP: {_way[2]}")(
        lambda w=_way: find_way(*w)
    )


def joined_run(commands, **choices):
    """Runs commands in our kernel on our device; gives the joined trace as text, and the events of its JSON."""
    host_driver = choices.pop("host_driver", None)
    with tempfile.TemporaryDirectory(prefix="vitrine-test-") as where, OurGpu(host_driver=host_driver) as gpu:
        records, chrome = os.path.join(where, "guest"), os.path.join(where, "trace.json")
        with boot_with_our_gpu(gpu, exec_commands=f"trace on; {commands}; trace raw", **choices) as guest:
            echo = run_main.Echo(guest.machine.mark, True)
            m = guest.expect(guest.machine.exec_end, 60)
            check(m.group(1) == "0", "not every command succeeded", guest)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                echo(guest.output)
                is_saved = run_main.save_records(echo, records)
            check(is_saved, "no records came", guest)
            guest.wait_end()
        gpu.end()
        status, stdout, stderr = run_vitrine("trace", "--join", records, gpu.records, "--json", chrome, programs=REAL)
        check(status == 0, f"exit status {status}\n{stderr}")
        check("left out" not in stdout and "are not in the device's file" not in stdout, stdout[:1000])
        with open(chrome, encoding="ascii") as f:
            return stdout, json.load(f)["traceEvents"]


@system("our-gpu.trace", "our kernel's records and our device's, joined: every command of a run, in order, on one clock")
def trace():
    stdout, events = joined_run("gpu restart; gpu test; gpu cursor 10 10; gpu mode text; gpu edid; gpu test")
    for words in (r" 0 +\d+ TRANSFER_TO_HOST_2D +[\d.]+ ", r" 0 +\d+ RESOURCE_FLUSH ", r" 1 +\d+ UPDATE_CURSOR "):
        expect_in(words, stdout, "a line per command")
    within = int(re.search(r"within (\d+) ns$", stdout, re.M).group(1))
    check(within < 1_000_000, f"the clocks agree only within {within} ns")
    starts = {e["id"]: e for e in events if e["ph"] == "s"}
    ends = {e["id"]: e for e in events if e["ph"] == "f"}
    check(starts.keys() == ends.keys() and len(starts) > 10, f"{len(starts)} arrows begin, {len(ends)} end")
    check(all(starts[i]["ts"] <= ends[i]["ts"] for i in starts), "an arrow goes back in time")


@system("our-gpu.trace-vulkan", "the same through PCI with Vulkan: the device's wait for the renderer has its own column")
def trace_vulkan():
    driver = vulkan_paths("mesa")["lavapipe_icd"]
    stdout, events = joined_run("vulkan compute 4096 3", host_driver=driver, front=VULKAN)
    number = r" +(?:-|[\d.]+)"
    expect_in(rf" CTX_CREATE{number * 4} +[\d.]+ ", stdout, "a context was made by the renderer")
    expect_in(r" 0 +\d+ SUBMIT_3D ", stdout, "a stream of commands")
    check(any(e["ph"] == "b" and e["name"] == "renderer" for e in events), "nothing waited for the renderer")
