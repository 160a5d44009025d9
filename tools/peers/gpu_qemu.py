#!/usr/bin/env python3
"""Runs programs in a Linux guest of stock QEMU whose GPU is our own device process (vitrine-gpu --vhost-user).

usage: gpu_qemu.py BUILD_DIR [--front test-device|gpu|gpu-two] [--timeout SECONDS] [--gpu WORDS] [--picture FILE.png] -- PROGRAM ARGS...

  PROGRAM is a path in the guest, where /programs is BUILD_DIR/vulkan/bin and /usr is Debian 13's; a word ';' ends one
  program, and another follows.  --front: QEMU's vhost-user-test-device-pci (Vulkan, the default) or vhost-user-gpu-pci
  (2D; gpu-two: with two displays).  --gpu: further options for vitrine-gpu.  --picture: what the screen shows when the last program has ended.

The guest, QEMU and the host driver are those of venus_qemu.py, so that both can be compared.  From Python:

    with make_device(build) as device, Guest(build, device, {"info": ["vulkaninfo"]}, timeout_s=60) as guest:
        guest.see(r"^guest: info status 0$", 60)

Exit status: 0 every program's was 0; 1 one's was not; 124 the guest was still running at the deadline; 3 set-up failed.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "setup"))
import venus_peer  # noqa: E402
import venus_qemu  # noqa: E402
import vulkan  # noqa: E402
from apt_private import SetupError  # noqa: E402
from vitrine_run.device import Device, DeviceError  # noqa: E402
from vitrine_run.picture import write_png  # noqa: E402

FRONTS = {
    "test-device": "vhost-user-test-device-pci,chardev=gpu,virtio-id=16,num_vqs=2,config_size=16,vq_size=256",
    "gpu": "vhost-user-gpu-pci,chardev=gpu",
    "gpu-two": '{"driver":"vhost-user-gpu-pci","id":"gpu0","chardev":"gpu","max_outputs":2,"outputs":'
               '[{"name":"left","xres":1024,"yres":768},{"name":"right","xres":800,"yres":600}]}',
}
LOOK_S = 0.05


class Ended(Exception):
    """The guest ended, or said nothing of the kind, while somebody waited for its word."""


def make_device(build, *options, host_icd=None):
    """Our device process, not started yet, over lavapipe unless an option says --no-venus."""
    if "--no-venus" in options:
        return Device(os.path.abspath(build), None, options, log="log")
    vulkan.ensure(build)
    return Device(os.path.abspath(build), host_icd or vulkan.paths(build)["lavapipe_icd"], options, log="log")


class Guest:
    """Debian 13 in QEMU 11, with `device` (a Device) as its GPU; runs `programs` (name -> words) and powers off."""

    def __init__(self, build, device, programs, timeout_s, front="test-device", more=()):
        self.build = os.path.abspath(build)
        self.programs, self.timeout_s = programs, timeout_s
        self.job = tempfile.TemporaryDirectory(prefix="vitrine-guest-")
        self.qmp = os.path.join(self.job.name, "qmp")
        words = ["-chardev", f"socket,id=gpu,path={device.socket}", "-device", FRONTS[front], "-display", "none",
                 "-qmp", f"unix:{self.qmp},server=on,wait=off", *more]
        self.words = venus_qemu.qemu_words(self.build, "backports", self.job.name, words)
        self.process = None
        self.deadline = 0

    def __enter__(self):
        venus_qemu.ensure(self.build)
        with open(os.path.join(self.job.name, "job"), "w", encoding="utf-8") as f:
            f.write(venus_qemu.job_text(self.programs, int(self.timeout_s)))
        with open(os.path.join(self.job.name, "log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                            start_new_session=True)
        self.deadline = time.monotonic() + self.timeout_s
        return self

    def __exit__(self, *_):
        venus_peer.kill_group(self.process)
        self.job.cleanup()

    def outcome(self):
        with open(os.path.join(self.job.name, "log"), encoding="utf-8", errors="replace") as f:
            return venus_qemu.Outcome(venus_qemu.read_serial(self.job.name), f.read())

    def see(self, pattern, within_s):
        """Waits until the guest has printed it.  Returns: the match."""
        deadline = min(self.deadline, time.monotonic() + within_s)
        while True:
            is_over = self.process.poll() is not None
            now = self.outcome()
            found = re.search(pattern, now.serial, re.M)
            if found:
                return found
            if is_over or time.monotonic() > deadline:
                what = "the guest ended" if is_over else f"the guest did not say so within {within_s} s"
                raise Ended(f"{what}: {pattern}\n{now.serial[-3000:]}\n{now.log[-2000:]}")
            time.sleep(LOOK_S)

    def finish(self):
        """Waits for its end.  Returns: the Outcome.  Raises venus_peer.TimedOut."""
        try:
            self.process.wait(max(self.deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            now = self.outcome()
            raise venus_peer.TimedOut(f"the guest: still running after {self.timeout_s} s", f"{now.serial}\n{now.log}") from None
        return self.outcome()


def main(argv):
    parser = argparse.ArgumentParser(prog="gpu_qemu.py", allow_abbrev=False, description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--front", choices=sorted(FRONTS), default="test-device")
    parser.add_argument("--timeout", type=float, default=180, metavar="SECONDS")
    parser.add_argument("--gpu", default="", metavar="WORDS", help="options for vitrine-gpu")
    parser.add_argument("--picture", metavar="FILE.png")
    parser.add_argument("program", nargs="+", metavar="-- PROGRAM")
    options = parser.parse_args(argv)
    programs = venus_qemu.split_programs(options.program)
    with make_device(options.build, *options.gpu.split()) as device, \
            Guest(options.build, device, programs, options.timeout, options.front) as guest:
        try:
            if options.picture:
                guest.see(rf"^guest: {len(programs)} status", options.timeout)
                write_png(device.picture(), options.picture)
            outcome = guest.finish()
        except venus_peer.TimedOut as e:
            print(f"{e.output}\n{device.log()}\ngpu_qemu.py: {e}", file=sys.stderr)
            return 124
        print(outcome.serial, end="")
        print(outcome.log, device.log(), end="", file=sys.stderr)
        return 0 if all(outcome.status(name) == 0 for name in programs) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: QEMU goes with us
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as e:
        print(f"peers: {e}", file=sys.stderr)
        sys.exit(3)
    except (DeviceError, Ended) as e:
        print(f"gpu_qemu.py: {e}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
