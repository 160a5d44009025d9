"""Clients of the vtest socket that mean ill, or do what no program of ours would: nobody waits for them, and they end alone."""

import json
import os
import signal
import socket

from vitrine_test.vulkan_setup import vulkan_paths

from . import venus_client as vc
from .cases import check, expect_in
from .venus_front import _build_lock, _built, can_connect, front, run_vitrine, server
from .venus_server import FAKE, REAL, wait_until


def speak_unheard(client):
    """Asks, and never reads an answer, until the server waits for that."""
    client.socket.settimeout(0.2)
    try:
        while True:
            client.send(vc.PING)
    except TimeoutError:
        pass


@front("half-message", "clients that stop in the middle of a message, or never read, hold up nobody")
def half_message(where):
    for isolation in ("process", "thread"):
        with server(where, "--isolate", isolation) as srv:
            half = vc.Client(srv.path, "half", until="nothing")
            half.raw(b"\5\0\0")
            deaf = vc.Client(srv.path, "deaf")
            speak_unheard(deaf)
            with vc.Client(srv.path, "third") as client:
                check(client.ask(vc.PING) == (), "the third client")
            half.close()
            deaf.close()
            srv.expect("the client left in the middle of a message's header")


@front("deaf-death", "a client that never reads, and stays, while its context dies by a ring: its renderer ends, and says why")
def deaf_death(where):
    for isolation in ("process", "thread"):
        for has_half_left in (False, True):
            with server(where, "--isolate", isolation, "--max-clients", "1") as srv:
                deaf = vc.Client(srv.path, "deaf")
                deaf.submit(vc.FAKE_DIE_LATER)
                speak_unheard(deaf)
                if has_half_left:
                    deaf.socket.shutdown(socket.SHUT_WR)
                srv.expect("told to die later")
                wait_until(lambda path=srv.path: can_connect(path), "its place is free")
                deaf.close()


def block_and_fill(fd):
    """As far as the client's end lets it: an eventfd's count, or a pipe's bytes."""
    os.set_blocking(fd, True)
    if "eventfd" in os.readlink(f"/proc/self/fd/{fd}"):
        os.eventfd_write(fd, (1 << 64) - 2)
        return
    with open(f"/proc/self/fd/{fd}", "wb", buffering=0) as pipe:
        os.set_blocking(pipe.fileno(), False)
        while pipe.write(b"." * 4096):
            pass


@front("wait-blocked", "a client that makes its wait's descriptor block, and leaves: its renderer ends")
def wait_blocked(where):
    with server(where, "--max-clients", "1") as srv:
        client = vc.Client(srv.path, "hostile")
        sync = client.ask(vc.SYNC_CREATE, 0, 0)[0]
        client.ask(vc.SYNC_WAIT, 0, 0xFFFFFFFF, sync, 5, 0)
        fd = client.receive_fd()
        block_and_fill(fd)
        client.send(vc.SYNC_WRITE, sync, 9, 0)
        check(client.ask(vc.SYNC_READ, sync) == (9, 0), "the client's next message")
        client.close()
        wait_until(lambda: can_connect(srv.path), "its place is free")
        os.close(fd)


CRASHES = (
    ("segv", r"crashed: Segmentation fault, signal 11; at work: vkCreateInstance at byte \d+ in ring"),
    ("sys", rf"that the sandbox forbids .*, signal {int(signal.SIGSYS)}, call \d+; at work: vkCreateInstance at byte \d+ in ring"),
)


@front("driver-crash", "a host driver that crashes on a ring's thread: the last words name the signal, the call and the command", "programs")
def driver_crash(where):
    with _build_lock:
        _built("fake-programs")
    found = vulkan_paths("mesa")
    path = os.path.join(where, "lvp_crashing_icd.json")
    with open(found["lavapipe_icd"], encoding="ascii") as f:
        description = json.load(f)
    real = os.path.join(os.path.dirname(found["lavapipe_icd"]), description["ICD"]["library_path"])
    description["ICD"]["library_path"] = os.path.join(FAKE, "crashing_driver.so")
    with open(path, "w", encoding="ascii") as f:
        json.dump(description, f)
    arguments = ["exec", "--client-driver", found["client_icd"], "--host-driver", path, "--", found["vulkaninfo"], "--summary"]
    environment = {"CRASHING_DRIVER": real, "VK_LAYER_PATH": os.path.dirname(real)}  # which the sandbox lets be read
    for how, words in CRASHES:
        status, _, stderr = run_vitrine(*arguments, programs=REAL, CRASH=how, **environment)
        check(status == 70, f"{how}: exit status {status}\n{stderr}")
        expect_in(words, stderr, f"{how}: the last words")
