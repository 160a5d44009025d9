"""That the peer's Venus server runs here and ends when it should (./test --long)."""

import os
import sys

from vitrine_test.suite import TOP, Failed, Skipped, Suite

sys.path.insert(0, os.path.join(TOP, "tools", "peers"))
import venus_peer  # noqa: E402
from apt_private import SetupError  # noqa: E402

BUILD = os.path.join(TOP, "build")


def see_client(peer):
    done = venus_peer.run_client([peer.found["vulkaninfo"], "--summary"], dict(peer.environment(), XDG_RUNTIME_DIR=BUILD), 30)
    if "Virtio-GPU Venus (llvmpipe" not in done.stdout:
        raise Failed(f"vulkaninfo through the peer:\n{done.stdout}\nthe peer said:\n{peer.log()}")


def see_deadline(peer):
    try:
        venus_peer.run_client(["sleep", "30"], peer.environment(), 0.2)
    except venus_peer.TimedOut:
        return
    raise Failed("a program beyond its deadline was not ended")


def see_end(process, directory):
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        if not os.path.exists(directory):
            return
    raise Failed("the peer was stopped, but something of it is left: a process, or " + directory)


def check_peer():
    try:
        venus_peer.fetch(BUILD)
    except SetupError as e:
        raise Skipped(f"the peer cannot be had: {str(e).splitlines()[0]}") from e
    try:
        with venus_peer.VenusPeer(BUILD) as peer:
            see_client(peer)
            see_deadline(peer)
            process, directory = peer.process, peer.directory
        see_end(process, directory)
    except (SetupError, venus_peer.TimedOut) as e:
        raise Failed(str(e)) from e


def suites():
    return [Suite("long.peer.venus", "the peer's Venus server serves a client, and leaves nothing behind", check_peer,
                  long_only=True)]
