"""A running guest: QEMU as a child process, its serial line, its QMP socket, its pictures."""

import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
import time

from . import machine as machine_module
from . import picture
from .qmp import Qmp


class GuestError(Exception):
    """The guest did not do what was waited for.  `reason` is one line; str() adds the last lines it printed."""

    def __init__(self, reason, last_words="", qemu_errors=""):
        super().__init__(reason + last_words)
        self.reason, self.qemu_errors = reason, qemu_errors


class Guest:
    """Starts QEMU with the serial line on pipes.  Use it in a `with` block: leaving it ends QEMU.  `device`: ours, or None."""

    def __init__(self, machine, on_output=None, device=None):
        self.machine, self.device = machine, device
        self.run_dir = make_run_dir()
        self.output = ""
        self._position = 0
        self._chunks = queue.Queue()
        self._on_output = on_output
        self._qmp = None
        self._errors = open(os.path.join(self.run_dir, "qemu.err"), "w+", encoding="utf-8", errors="replace")
        try:
            self.process = subprocess.Popen(
                machine.qemu_command(self.run_dir, "stdio"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            )
        except OSError as e:
            self._remove_run_dir()
            raise GuestError(f"cannot start {machine.qemu}: {e}") from e
        threading.Thread(target=self._read_serial, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _read_serial(self):
        stream = self.process.stdout
        while True:
            chunk = os.read(stream.fileno(), 65536)
            self._chunks.put(chunk)
            if not chunk:
                return

    def _take(self, timeout_s):
        """Takes what has arrived into self.output; False at the end of the serial line."""
        try:
            chunk = self._chunks.get(timeout=max(timeout_s, 0))
        except queue.Empty:
            return True
        if not chunk:
            self._chunks.put(chunk)  # the end stays visible to the next reader
            return False
        text = chunk.decode("utf-8", "replace").replace("\r", "")
        self.output += text
        if self._on_output:
            self._on_output(text)
        return True

    def expect(self, pattern, timeout_s=20.0):
        """Waits until new output matches; gives the match.  Each call starts where the last one matched."""
        regex, deadline = re.compile(pattern, re.M), time.monotonic() + timeout_s
        while True:
            m = regex.search(self.output, self._position)
            if m:
                self._position = m.end()
                return m
            if not self._take(min(0.2, deadline - time.monotonic())):
                m = regex.search(self.output, self._position)
                if m:
                    self._position = m.end()
                    return m
                raise GuestError(f"the guest ended before it printed /{pattern}/", self.last_words(), self.qemu_errors())
            if self.device and self.device.death():
                raise GuestError(f"vitrine-gpu {self.device.death()}, and with it the guest's GPU", self.last_words())
            if time.monotonic() > deadline:
                raise TimeoutError(f"no /{pattern}/ within {timeout_s:g} s{self.last_words()}")

    def send(self, line):
        """Types one line on the serial line."""
        self.process.stdin.write((line + "\n").encode())
        self.process.stdin.flush()

    def qemu_errors(self):
        """What QEMU itself complained of."""
        self._errors.seek(0)
        return self._errors.read().strip()

    def last_words(self, count=15):
        """The end of what the guest and QEMU printed, for error messages."""
        errors = self.qemu_errors()
        tail = "\n".join(self.output.splitlines()[-count:])
        return f"\n--- last lines of the guest ---\n{tail}" + (f"\n--- QEMU said ---\n{errors}" if errors else "")

    @property
    def qmp(self):
        """The QMP connection, made at its first use."""
        if self._qmp is None:
            self._qmp = Qmp(os.path.join(self.run_dir, "qmp"))
        return self._qmp

    def screendump(self, head=0):
        """What the host shows of the guest's display, as a Picture."""
        return self.device.picture(head) if self.device else screendump(self.qmp, self.run_dir, head)

    def wait_end(self, timeout_s=10.0):
        """Waits for QEMU's end and gives its exit status."""
        deadline = time.monotonic() + timeout_s
        while self.process.poll() is None:
            self._take(0.05)
            if time.monotonic() > deadline:
                raise TimeoutError(f"QEMU did not end within {timeout_s:g} s{self.last_words()}")
        while self._take(1.0):
            pass
        return self.process.returncode

    def close(self):
        """Ends QEMU, if it runs, and removes the private directory."""
        if self._qmp:
            self._qmp.close()
        end_process(self.process)
        self.process.stdin.close()
        self._errors.close()
        self._remove_run_dir()

    def _remove_run_dir(self):
        shutil.rmtree(self.run_dir, ignore_errors=True)


def make_run_dir():
    """A private directory with the scratch disk in it; short, because a socket's path may have 107 bytes only."""
    run_dir = tempfile.mkdtemp(prefix="vitrine-")
    machine_module.make_scratch_disk(os.path.join(run_dir, "disk.img"))
    return run_dir


def screendump(qmp, run_dir, head=0):
    """A Picture of one head of the virtio-gpu."""
    path = os.path.join(run_dir, "screen.ppm")
    qmp.command("screendump", filename=path, device="gpu0", head=head)
    return picture.read_ppm(path)


def end_process(process):
    """Asks a child to end, then makes it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
