"""vitrine-gpu under test: starts it, keeps what it says, counts what it leaves behind."""

import os
import signal
import subprocess
import tempfile
import threading
import time

from vitrine_test.suite import TOP, Failed

FAKE = os.path.join(TOP, "build/fake")
REAL = os.path.join(TOP, "build/bin")


def children(pid):
    """The processes that pid has started and that are still there."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def fd_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def wait_until(condition, what, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"not within {timeout_s:g} s: {what}")
        time.sleep(0.01)


class Server:
    """vitrine-gpu in a directory of its own."""

    def __init__(self, *options, programs=FAKE, environment=None):
        self.directory = tempfile.TemporaryDirectory(prefix="vitrine-test-")
        self.path = os.path.join(self.directory.name, "s")
        self.lines = []
        command = [os.path.join(programs, "vitrine-gpu"), "--vtest", self.path, "--verbose", *options]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, errors="replace",
            env={**os.environ, **(environment or {})},
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        wait_until(lambda: self.process.poll() is not None or self.said("serving Venus clients"), "the server serves")
        if self.process.poll() is not None:
            raise Failed("the server ended: " + self.text())

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def text(self):
        return "\n".join(self.lines)

    def said(self, part):
        return any(part in line for line in self.lines)

    def expect(self, part, timeout_s=10.0):
        try:
            wait_until(lambda: self.said(part), part, timeout_s)
        except Failed as e:
            raise Failed(f"{e}\nthe server said:\n{self.text()}") from e

    def workers(self):
        return children(self.process.pid)

    def stop(self):
        """Ends the server; gives its exit status.  Nothing may be left of it."""
        workers = self.workers()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(10)
        self.reader.join(5)
        left = [pid for pid in workers if os.path.exists(f"/proc/{pid}")]
        if left:
            raise Failed(f"processes left behind: {left}")
        if os.path.exists(self.path):
            raise Failed("the socket is left behind")
        return status

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            status = self.stop()
            if kind is None and status != 0:
                raise Failed(f"the server's exit status is {status}\n{self.text()}")
        finally:
            self.directory.cleanup()
