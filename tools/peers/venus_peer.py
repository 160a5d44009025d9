#!/usr/bin/env python3
"""Runs a Vulkan program on one of several renderers, with a deadline: on the host driver itself, or through the peer.

usage: venus_peer.py BUILD_DIR native|peer [--timeout SECONDS] -- PROGRAM ARGS...

From Python:

    with VenusPeer("build") as renderer:          # or Native("build")
        done = run_client([...], renderer.environment(), timeout_s=30)

The peer is virglrenderer's virgl_test_server of Debian 13 (tools/peers/roots.py), over the same host driver as Native and
with the same Venus client.  Its clients hang for ever when it goes away or refuses them, so that nothing here waits
without a deadline, and what outlives its deadline is killed with all that it started.
Exit status: the program's; 124 it was still running at the deadline; 3 set-up failed.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(TOP, "tools", "setup"))
import roots  # noqa: E402
import vulkan  # noqa: E402
from apt_private import SetupError  # noqa: E402

START_S = 10  # how long a server may take until it listens
STOP_S = 2  # how long it may take to end when asked to
LISTENING = 0x10000  # a flag of /proc/net/unix: the socket accepts connections


class TimedOut(Exception):
    """A program was still running at its deadline; `output` is what it had said by then."""

    def __init__(self, message, output=""):
        super().__init__(message)
        self.output = output


def kill_group(process):
    """Ends a program started in a session of its own, and all that it started, at once."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run_client(command, env, timeout_s, cwd=None):
    """Runs a program to its end; returns a CompletedProcess, whose stdout has stderr too.  Raises TimedOut."""
    with tempfile.TemporaryFile(mode="w+", errors="replace") as output:  # no pipe: a grandchild may keep one open
        process = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            kill_group(process)
            output.seek(0)
            raise TimedOut(f"{os.path.basename(command[0])}: still running after {timeout_s} s", output.read()) from None
        finally:
            kill_group(process)
        output.seek(0)
        return subprocess.CompletedProcess(command, process.returncode, output.read())


def is_listening(path):
    """Whether a unix socket at `path` accepts connections; asked of the kernel, since a connection would count as a client."""
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as f:
        rows = [line.split(maxsplit=7) for line in f]
    return any(len(r) == 8 and r[7].strip() == path and int(r[3], 16) & LISTENING for r in rows[1:])


class Native:
    """The host driver in the program's own process."""

    name = "native"

    def __init__(self, build, host_icd=None):
        vulkan.ensure(build)
        self.found = vulkan.paths(build)
        self.host_icd = os.path.abspath(host_icd or self.found["lavapipe_icd"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def environment(self):
        """The environment of a program that is to run here."""
        return dict(os.environ, **vulkan.driver_environment(self.host_icd))


class VtestServer(Native):
    """A server on a socket of its own, for Mesa's Venus client; which server it is, says `command`."""

    name = "server"

    def __init__(self, build, host_icd=None):
        super().__init__(build, host_icd)
        self.build = os.path.abspath(build)
        self.directory, self.process = None, None

    def command(self):
        """The words that start the server on self.socket(), and what its environment needs besides the host driver."""
        raise NotImplementedError

    def socket(self):
        return os.path.join(self.directory, "vtest")

    def log(self):
        """What the server has said so far."""
        with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="vitrine-", dir="/tmp")  # a socket's path has 107 bytes at most
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _start(self):
        words, added = self.command()
        env = dict(os.environ, **vulkan.driver_environment(self.host_icd), **added)
        with open(os.path.join(self.directory, "log"), "wb") as log:
            self.process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                            start_new_session=True)
        deadline = time.monotonic() + START_S
        while not is_listening(self.socket()):
            if self.process.poll() is not None:
                raise SetupError(f"{self.name} ended with status {self.process.returncode} at its start:\n{self.log()}")
            if time.monotonic() > deadline:
                raise SetupError(f"{self.name} does not listen after {START_S} s:\n{self.log()}")
            time.sleep(0.01)

    def stop(self):
        """Ends the server and all that it started, within STOP_S; for a server that never ran, too."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                pass
            kill_group(self.process)
            self.process = None
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None

    def environment(self, client_icd=None):
        """The environment of a client; another release's client needs its own `client_icd` (roots/NAME/icd.d)."""
        icd = os.path.abspath(client_icd or self.found["client_icd"])
        return dict(os.environ, VN_DEBUG="vtest", VTEST_SOCKET_NAME=self.socket(), **vulkan.driver_environment(icd))


def fetch(build):
    """Brings the peer, its host driver and its client, where they are missing.  Raises SetupError, as when there is no network."""
    vulkan.ensure(build)
    roots.ensure(build, "trixie")


def make_shim(build):
    """The stand-in for /dev/udmabuf, compiled now if it is not there or stale."""
    source, shim = os.path.join(TOP, "tests/peers/venus/fakeudmabuf.c"), os.path.join(build, "peers/venus/fakeudmabuf.so")
    if os.path.exists(shim) and os.path.getmtime(shim) > os.path.getmtime(source):
        return shim
    done = subprocess.run(["make", "-s", f"build={build}", "peer-shim"], cwd=TOP, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False)
    if done.returncode != 0 or not os.path.exists(shim):
        raise SetupError(f"`make peer-shim` made no {shim}:\n{done.stdout}")
    return shim


class VenusPeer(VtestServer):
    """virglrenderer's Venus: one server process for each client, which starts a renderer of its own.

    `release`: whose (a name of roots.py).  Only over lavapipe of 'sid' does the peer offer Vulkan 1.3 and a swapchain:
    host_icd=roots.icd("build", "sid", "lvp").
    """

    name = "peer"

    def __init__(self, build, host_icd=None, release="trixie"):
        super().__init__(build, host_icd)
        self.root = roots.ensure(build, release)
        self.shim = make_shim(self.build)

    def command(self):
        words = [os.path.join(self.root, "run"), "virgl_test_server", "--venus", "--no-virgl", "--socket-path", self.socket()]
        render_server = os.path.join(self.root, "bin/virgl_render_server")
        added = {"RENDER_SERVER_EXEC_PATH": render_server}
        if not os.path.exists("/dev/udmabuf"):
            added["LD_PRELOAD"] = self.shim
        return words, added


RENDERERS = {"native": Native, "peer": VenusPeer}


def parse(argv):
    parser = argparse.ArgumentParser(prog="venus_peer.py", allow_abbrev=False, description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("renderer", choices=sorted(RENDERERS))
    parser.add_argument("--timeout", type=float, default=60, metavar="SECONDS")
    parser.add_argument("program", nargs="+", metavar="-- PROGRAM")
    return parser.parse_args(argv)


def main(argv):
    options = parse(argv)
    with RENDERERS[options.renderer](options.build) as renderer:
        try:
            done = run_client(options.program, renderer.environment(), options.timeout)
        except TimedOut as e:
            print(f"{e.output}venus_peer.py: {e}", file=sys.stderr)
            return 124
    sys.stdout.write(done.stdout)
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: the server goes with us
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as e:
        print(f"peers: {e}", file=sys.stderr)
        sys.exit(3)
    except KeyboardInterrupt:
        sys.exit(130)
