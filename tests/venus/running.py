"""Runs a program through `vitrine exec` or on the host driver itself: always with a deadline, and nothing may be left.

    done = ours([PROGRAM, ...], options=["--stats=json"], added={"VN_PERF": "no_multi_ring"})
    same = native([PROGRAM, ...])

A run that hangs is killed with all that it started, and has failed.
"""

import functools
import os
import re
import sys
import tempfile
import time

from vitrine_test.programs import built
from vitrine_test.suite import TOP, Failed, Skipped, tail
from vitrine_test.vulkan_setup import vulkan_environment, vulkan_paths

sys.path.insert(0, os.path.join(TOP, "tools", "peers"))
import roots  # noqa: E402
import venus_peer  # noqa: E402
from apt_private import SetupError  # noqa: E402

BUILD = os.path.join(TOP, "build")
MARK = "VITRINE_TEST_RUN"  # in the environment of all that a run starts: its directory
GONE_S = 5  # how long what a run started may outlive it


def program(name):
    """A Vulkan program of tests/vulkan, made now if need be."""
    return os.path.join(TOP, built(f"build/vulkan/bin/{name}"))


@functools.lru_cache(maxsize=None)
def vitrine():
    for name in ("vitrine-gpu", "vitrine-render"):
        built(f"build/bin/{name}")
    for source in sorted(os.listdir(os.path.join(TOP, "tests/vulkan/shaders"))):
        built(f"build/vulkan/bin/{source}.spv")
    return os.path.join(TOP, built("build/bin/vitrine"))


def marked(mark):
    """The processes whose environment carries this run's mark."""
    found, wanted = [], f"{MARK}={mark}".encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if wanted in f.read().split(b"\0"):
                    found.append(pid)
        except OSError:
            continue  # it has ended, or is not ours to look at
    return found


def see_nothing_left(directory):
    deadline = time.monotonic() + GONE_S
    while marked(directory):
        if time.monotonic() > deadline:
            raise Failed(f"processes left behind {GONE_S} s after the end: {', '.join(marked(directory))}")
        time.sleep(0.02)
    left = [n for n in os.listdir(directory) if n.startswith("vitrine")]
    if left:
        raise Failed(f"left behind in XDG_RUNTIME_DIR: {', '.join(left)}")


def run(command, env, timeout_s, status=0, cwd=None):
    """Runs to the end; Failed when it hangs, ends otherwise than with `status` (None: however), or leaves something."""
    name = " ".join(os.path.basename(w) for w in command[-3:])
    with tempfile.TemporaryDirectory(prefix="vn-", dir="/tmp") as directory:
        env = dict(env, XDG_RUNTIME_DIR=directory, **{MARK: directory})
        try:
            done = venus_peer.run_client(command, env, timeout_s, cwd=cwd or directory)
        except venus_peer.TimedOut as e:
            raise Failed(f"{name}: still running after {timeout_s} s\n{tail(e.output)}") from e
        see_nothing_left(directory)
    if status is not None and done.returncode != status:
        raise Failed(f"{name}: exit status {done.returncode}, expected {status}\n{tail(done.stdout)}")
    return done


def native(command, timeout_s=60, host=None, added=None, status=0, cwd=None):
    """The program on the host driver (default: lavapipe 25) itself."""
    env = vulkan_environment(host or vulkan_paths("mesa")["lavapipe_icd"])
    return run(command, dict(env, **(added or {})), timeout_s, status, cwd)


def ours(command, options=(), timeout_s=60, host=None, client=None, added=None, status=0, cwd=None):
    """The program through `vitrine exec` over the host driver, with Mesa's Venus client (default: both of Mesa 25)."""
    paths = vulkan_paths("mesa")
    words = [vitrine(), "exec", "--host-driver", host or paths["lavapipe_icd"], "--client-driver", client or paths["client_icd"]]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("VK_", "VN_"))}
    return run(words + list(options) + ["--"] + command, dict(env, **(added or {})), timeout_s, status, cwd)


def expect(pattern, text, what):
    match = re.search(pattern, text, re.M)
    if not match:
        raise Failed(f"{what}: nothing matches {pattern!r} in:\n{tail(text)}")
    return match


def root(name):
    """The programs of another Debian release (tools/peers/roots.py), or Skipped with the reason."""
    try:
        return roots.ensure(BUILD, name)
    except SetupError as e:
        raise Skipped(f"Debian {name}'s Mesa cannot be had: {str(e).splitlines()[0]}") from e


@functools.lru_cache(maxsize=None)
def native_hash(host=None):
    """What vkt_picture says of its picture on the host driver itself."""
    return picture_hash(native([program("vkt_picture")], host=host).stdout)


def picture_hash(text):
    return expect(r"^vkt_picture: (hash \w+, \d+ of \d+ pixels background)", text, "vkt_picture").group(1)


def started(name, *arguments):
    return [program(name), *arguments]


def three(command=started, **how):
    """The three programs through our renderer: computed rightly, the host driver's own picture, much of everything."""
    expect(r"all right on Virtio-GPU Venus", ours(command("vkt_compute"), **how).stdout, "vkt_compute")
    seen = picture_hash(ours(command("vkt_picture"), **how).stdout)
    if seen != native_hash(how.get("host")):
        raise Failed(f"vkt_picture: {seen}; on the host driver itself {native_hash(how.get('host'))}")
    ours(command("vkt_stress", "--threads", "1", "--timeout", "90"), timeout_s=100, **how)
