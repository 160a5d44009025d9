"""The renderer's programs as a person and as a client meet them: vitrine exec, vitrine-gpu, vitrine-render.

Most of it on a renderer that does nothing (build/fake), which can be told to die; Mesa's own client at the end.
"""

import functools
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

from vitrine_test.suite import TOP, Failed, Suite, run_program
from vitrine_test.vulkan_setup import vulkan_paths

from . import venus_client as vc
from . import venus_render_client as rc
from .cases import check, expect_in, registry
from .venus_server import FAKE, REAL, Server, children, fd_count, wait_until

_build_lock = threading.Lock()
HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT_COUNT = 100
CACHE = os.path.join(TOP, "build/cache")  # not the cache of who runs the tests


@functools.lru_cache(maxsize=None)
def _built(target):
    run_program(["make", "-s", f"-j{os.cpu_count() or 1}", target], 900, what=f"make {target}")


def front(name, about, target="fake-programs"):
    def register(function):
        def run():
            with _build_lock:
                _built(target)
            with tempfile.TemporaryDirectory(prefix="vitrine-test-") as where:
                function(where)

        registry.append(Suite(f"system.venus-front.{name}", about, run))
        return function

    return register


def driver(where, name="none_icd.json"):
    """A driver file that names no library: for programs that need a driver's name and no driver."""
    path = os.path.join(where, name)
    with open(path, "w", encoding="ascii") as f:
        f.write('{"file_format_version": "1.0.0", "ICD": {"library_path": "/none.so", "api_version": "1.3.0"}}')
    return path


def server(where, *options, **more):
    return Server("--host-driver", driver(where), *options, **more)


def run_vitrine(*arguments, program="vitrine", programs=FAKE, timeout_s=60, **environment):
    done = subprocess.run(
        [os.path.join(programs, program), *arguments], text=True, errors="replace", capture_output=True,
        stdin=subprocess.DEVNULL, timeout=timeout_s, check=False, env={**os.environ, "XDG_CACHE_HOME": CACHE, **environment},
    )
    return done.returncode, done.stdout, done.stderr


WRONG_USES = (
    ("vitrine", (), "vitrine exec"),
    ("vitrine", ("frobnicate",), "there is: exec"),
    ("vitrine", ("trace",), "--join GUEST HOST"),
    ("vitrine", ("doctor",), "say where to look"),
    ("vitrine", ("doctor", "--qmp"), "--qmp SOCKET"),
    ("vitrine", ("trace", "--join", "a"), "--join GUEST HOST"),
    ("vitrine", ("exec",), "no program to run"),
    ("vitrine", ("exec", "--bogus", "--", "ls"), "--bogus"),
    ("vitrine", ("exec", "--trace"), "--trace FILE"),
    ("vitrine", ("screenshot",), "FILE.png"),
    ("vitrine", ("screenshot", "a.png", "b.png"), "one file"),
    ("vitrine", ("screenshot", "a.png", "--scanout", "16"), "0 to 15"),
    ("vitrine", ("status", "now"), "Only options"),
    ("vitrine", ("resize", "1280"), "1920x1080"),
    ("vitrine", ("plug", "--scanout", "1"), "1920x1080"),
    ("vitrine", ("unplug", "1"), "--scanout N"),
    ("vitrine-view", (), "--socket-fd N"),
    ("vitrine-view", ("--socket-fd", "3", "--window", "--vnc", "5900"), "one of"),
    ("vitrine-gpu", (), "--vtest SOCKET"),
    ("vitrine-gpu", ("--vtest",), "--vtest SOCKET"),
    ("vitrine-gpu", ("--vtest", "s", "more"), "more"),
    ("vitrine-gpu", ("--vtest", "s", "--isolate", "none"), "process or thread"),
    ("vitrine-gpu", ("--vtest", "s", "--max-memory", "3Q"), "512M"),
    ("vitrine-gpu", ("--vhost-user", "s", "--max-memory", "1K"), "1280x800 takes 4096000 bytes"),
    ("vitrine-gpu", ("--vtest", "s", "--max-clients", "0"), "1 to"),
    ("vitrine-gpu", ("--vtest", "s", "--stats=xml"), "right is text or json (see vitrine-gpu --help)"),
    ("vitrine", ("exec", "--stats=xml", "--", "ls"), "right is text or json (see vitrine exec --help)"),
    ("vitrine", ("exec", "--isolate", "none", "--", "ls"), "(see vitrine exec --help)"),
    ("vitrine", ("exec", "--max-cpu", "0", "--", "ls"), "(see vitrine exec --help)"),
    ("vitrine-render", (), "--socket-fd"),
)


@front("usage", "the programs name a wrong option in one line and end with 2; --help teaches every option")
def usage(_):
    for program, arguments, words in WRONG_USES:
        status, _, stderr = run_vitrine(*arguments, program=program)
        what = f"{program} {' '.join(arguments)}"
        check(status == 2, f"{what}: exit status {status}, expected 2\n{stderr}")
        check(words in stderr and "--help" in stderr and stderr.count("\n") == 1, f"{what} said:\n{stderr}")
    for program, arguments, source in (
        ("vitrine", ("exec",), "tools/vitrine/exec.c"), ("vitrine-gpu", (), "device/gpu_main.c"),
        ("vitrine", ("screenshot",), "tools/vitrine/screenshot.c"), ("vitrine", ("status",), "tools/vitrine/status.c"),
        ("vitrine", ("resize",), "tools/vitrine/display.c"), ("vitrine-view", (), "tools/view/main.c"),
    ):
        status, stdout, _ = run_vitrine(*arguments, "--help", program=program)
        check(status == 0, f"{program} --help: exit status {status}")
        with open(os.path.join(TOP, source), encoding="utf-8") as f:
            names = re.findall(r'^ *\{ *"([a-z-]+)",', f.read(), re.M)
        for name in set(names) - {"life-fd", "kill-after"}:
            check(f"--{name}" in stdout, f"{program} --help does not explain --{name}")


@front("cannot-serve", "vitrine-gpu says in one line why it cannot serve, and ends with 1")
def cannot_serve(where):
    path = os.path.join(where, "file")
    with open(path, "w", encoding="ascii"):
        pass
    with server(where) as busy:
        for arguments, words in (
            (("--vtest", path, "--host-driver", driver(where)), "cannot listen"),
            (("--vtest", busy.path, "--host-driver", driver(where)), "another server"),
            (("--vtest", "x" * 120, "--host-driver", driver(where)), "choose a shorter one"),
            (("--vtest", os.path.join(where, "s"), "--host-driver", "nothing"), "no Vulkan driver nothing"),
            (("--vtest", os.path.join(where, "s"), "--host-driver", "/no.json"), "cannot read"),
            (("--vtest", os.path.join(where, "s"), "--host-driver", where), "it is no file"),
            (("--vtest", os.path.join(where, "s"), "--host-driver", driver(where), "--trace", "/no/t"), "cannot write the trace"),
            (("--vtest", os.path.join(where, "s"), "--host-driver", driver(where), "--record", "/no/r"), "cannot write the record"),
            (("--vtest", os.path.join(where, "s"), "--host-driver", driver(where), "--shader-cache", "/no/c"), "--shader-cache"),
        ):
            status, _, stderr = run_vitrine(*arguments, program="vitrine-gpu")
            check(status == 1 and words in stderr and stderr.count("\n") == 1, f"{arguments}: {status}\n{stderr}")


@front("stale-socket", "a socket that a killed server left behind is served again")
def stale_socket(where):
    first = server(where)
    first.process.kill()
    first.process.wait(10)
    status = subprocess.Popen([os.path.join(FAKE, "vitrine-gpu"), "--vtest", first.path, "--host-driver", driver(where)])
    try:
        wait_until(lambda: can_connect(first.path), "the new server answers")
    finally:
        status.terminate()
        check(status.wait(10) == 0, "the new server's exit status")
        first.directory.cleanup()


def can_connect(path):
    try:
        with vc.Client(path, until="name") as client:
            return client.ask(vc.PING) == ()
    except OSError:
        return False


def die_by_message(client):
    client.send(99)


def die_by_context(client):
    client.submit(vc.FAKE_DIE)


def die_by_crash(client):
    client.submit(vc.FAKE_CRASH)


DEATHS = (
    (die_by_message, "command 99 is none"),
    (die_by_context, "the fake was told to die"),
    (die_by_crash, "crashed: Aborted, signal 6; at work: vkFakeCommand"),
)


@front("deaths", "whatever a client dies of: its rings say fatal, it is reset, one line says why, another runs on")
def deaths(where):
    with server(where) as srv, vc.Client(srv.path, "witness") as witness:
        for n, (die, words) in enumerate(DEATHS):
            with vc.Client(srv.path, f"victim{n}") as client:
                res_id, fd = client.blob(8192)
                with vc.closing_fd(fd):
                    client.submit(vc.FAKE_RING, res_id, 128)
                    client.ask(vc.PING)
                    die(client)
                    check(client.ending() == "reset", "the client's socket was not reset: Mesa would spin")
                    wait_until(lambda: struct.unpack("<I", os.pread(fd, 4, 128))[0] == 2, "the ring says fatal")
            srv.expect(words)
            lines = [line for line in srv.lines if words in line]
            check(len(lines) == 1 and f"victim{n}" in lines[0] and f"pid {os.getpid()}" in lines[0], srv.text())
            check(witness.ask(vc.PING) == (), "the witness")


@front("killed-worker", "a renderer that is killed by hand: reset, fatal, one line with the signal")
def killed_worker(where):
    with server(where) as srv:
        spare = set(srv.workers())
        with vc.Client(srv.path, "victim") as client:
            client.ask(vc.PING)
            for pid in spare:
                os.kill(pid, signal.SIGSTOP)
            client.send(vc.PING)
            for pid in spare:
                os.kill(pid, signal.SIGKILL)
            check(client.ending() == "reset", "a client that awaits an answer was not reset")
            srv.expect("killed by signal 9 (Killed)")
        with vc.Client(srv.path, "next") as client:
            check(client.ask(vc.PING) == (), "the next client")


@front("sandbox", "a renderer process cannot write a file, but in its shader cache; with --no-sandbox it can; its limits are set")
def sandbox(where):
    held = "held: no file could be written"
    for options, words in (((), held), (("--shader-cache", os.path.join(where, "cache")), held), (("--no-sandbox",), "escaped")):
        with server(where, *options) as srv, vc.Client(srv.path, "prisoner") as client:
            client.ask(vc.PING)
            client.submit(vc.FAKE_ESCAPE)
            srv.expect(words)
    with server(where, "--max-memory", "64M", "--max-cpu", "100") as srv, vc.Client(srv.path) as client:
        client.ask(vc.PING)
        with open(f"/proc/{srv.workers()[0]}/limits", encoding="ascii") as f:
            limits = f.read()
        expect_in(r"^Max core file size +0 ", limits, "no core file")
        expect_in(r"^Max cpu time +100 ", limits, "CPU time")
        expect_in(rf"^Max data size +{(64 << 20) + (1 << 30)} ", limits, "memory")
        with open(f"/proc/{srv.workers()[0]}/status", encoding="ascii") as f:
            expect_in(r"^Seccomp:\s+2$", f.read(), "seccomp's state")


@front("limit", "a client that its limit refused memory leaves with a line that says so")
def limit(where):
    with server(where, "--max-memory", "64K") as srv:
        with vc.Client(srv.path, "greedy") as client, vc.closing_fd(client.blob(1 << 20)[1]):
            client.ask(vc.PING)
        srv.expect("memory was refused to it 1 time: its limit is --max-memory")


# Starts a server as an old kernel would: landlock_create_ruleset(2) is not there.
OLD_KERNEL = """#!{python}
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
load, equal, answer = 0x20, 0x15, 0x06
code = struct.pack("<" + "HBBI" * 4, load, 0, 0, 0, equal, 0, 1, 444, answer, 0, 0, 0x50026, answer, 0, 0, 0x7fff0000)
steps = ctypes.create_string_buffer(code)
program = struct.pack("@HP", 4, ctypes.addressof(steps))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv({program!r}, sys.argv)
"""


@front("no-landlock", "on a kernel without Landlock a renderer goes without its cache, says so and what it can read and overwrite, and still makes no file")
def no_landlock(where):
    path = os.path.join(where, "vitrine-gpu")
    with open(path, "w", encoding="ascii") as f:
        f.write(OLD_KERNEL.format(python=sys.executable, program=os.path.join(FAKE, "vitrine-gpu")))
    os.chmod(path, 0o755)
    cache = os.path.join(where, "cache")
    for name, words in (("lvp_icd.json", "can write no file, but read all that its user can read; and it goes without its shader cache"),
                        ("radeon_icd.json", "overwrite all that its user can write, as its driver does with its device; and it goes without")):
        options = ("--shader-cache", cache, "--host-driver", driver(where, name))
        with server(where, *options, programs=where) as srv, vc.Client(srv.path, "prisoner") as client:
            client.ask(vc.PING)
            srv.expect(words)
            client.submit(vc.FAKE_ESCAPE)
            srv.expect("held: no file could be written")
            check(not os.listdir(cache), "there is something in the cache")


def leave_open(where, program):
    """The program as one starts it who has a file open."""
    diary, path = os.path.join(where, "diary"), os.path.join(where, program)
    with open(path, "w", encoding="ascii") as f:
        f.write(f'#!/bin/sh\nexec 4<>{diary} 5<>{diary} 9<>{diary}\nexec {FAKE}/{program} "$@"\n')
    os.chmod(path, 0o755)
    return path


def has_diary(pid):
    where = f"/proc/{pid}/fd"
    try:
        return any(os.readlink(os.path.join(where, fd)).endswith("/diary") for fd in os.listdir(where))
    except OSError:  # it closes some just now
        return True


def is_sandboxed(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return re.search(r"^Seccomp:\s+2$", f.read(), re.M) is not None


def expect_closed(pid, what):
    check(has_diary(pid), f"who starts {what} was to have a file open: nothing is tested")
    wait_until(lambda: not any(map(has_diary, children(pid))), f"{what} lets go of the file of who started it", 2)


@front("inherited", "what is open in who starts a server or a device is not open in the processes that serve clients and guests")
def inherited(where):
    leave_open(where, "vitrine-gpu")
    with server(where, programs=where) as srv, vc.Client(srv.path) as client:
        client.ask(vc.PING)
        expect_closed(srv.process.pid, "a client's renderer")
    held = [os.dup(0) for _ in range(10)]  # so that the socket's number is none of those of the files
    monitor = rc.Monitor(leave_open(where, "vitrine-render"), f"--host-driver {driver(where)}")
    context = monitor.context(1)
    context.init()
    expect_closed(monitor.process.pid, "a context's renderer")
    context.close()
    monitor.end()
    for fd in held:
        os.close(fd)
    control = os.path.join(where, "control")
    words = [leave_open(where, "vitrine-gpu"), "--no-venus", "--vhost-user", os.path.join(where, "gpu"), "--control", control]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as device:
        try:
            wait_until(lambda: any(map(is_sandboxed, children(device.pid))), "the device process")
            expect_closed(device.pid, "the device process")
        finally:
            device.terminate()


@front("no-device", "a driver that does not load is named when a client comes, which is served all the same")
def no_device(where):
    with server(where) as srv, vc.Client(srv.path) as client:
        check(client.ask(vc.PING) == (), "the client")
        srv.expect("none_icd.json did not load")


@front("leaks", f"{CLIENT_COUNT} clients at once, then none: no process and no descriptor is left; one too many is refused")
def leaks(where):
    with server(where, "--max-clients", str(CLIENT_COUNT)) as srv:
        wait_until(lambda: len(srv.workers()) == 1, "the spare worker")
        before = fd_count(srv.process.pid)
        clients = [vc.Client(srv.path, f"client{i}", timeout_s=60) for i in range(CLIENT_COUNT)]
        for client in clients:
            res_id, fd = client.blob(4096)
            os.close(fd)
            client.submit(vc.FAKE_RING, res_id, 128)
        for client in clients:
            client.ask(vc.PING)
        try:
            vc.Client(srv.path, "late").ask(vc.PING)
            raise Failed("one client too many was served")
        except OSError:
            pass
        except EOFError:
            pass
        srv.expect("--max-clients")
        for client in clients:
            client.close()
        wait_until(lambda: len(srv.workers()) <= 1 and fd_count(srv.process.pid) <= before, "all is given back", 30)


@front("threads", "--isolate thread serves many clients in one process; a wrong one ends alone")
def threads(where):
    with server(where, "--isolate", "thread") as srv:
        clients = [vc.Client(srv.path, f"client{i}") for i in range(20)]
        check(not srv.workers(), "there are worker processes")
        clients[3].send(99)
        check(clients[3].ending() == "reset", "the wrong client")
        for i, client in enumerate(clients):
            if i != 3:
                check(client.ask(vc.PING) == (), f"client {i}")
            client.close()


@front("stats", "counters are printed on SIGUSR1 and when a client leaves, as text or JSON; the trace names its client")
def stats(where):  # conformance: S3-03
    trace = os.path.join(where, "trace.txt")
    with server(where, "--stats=json", "--trace", trace) as srv:
        with vc.Client(srv.path, "counted") as client:
            client.submit(vc.FAKE_TRACE)
            client.ask(vc.PING)
            srv.process.send_signal(signal.SIGUSR1)
            srv.expect('{"submits": 1}')
            client.submit(vc.FAKE_NOTHING)
            client.ask(vc.PING)
        srv.expect('{"submits": 2}')
        with open(trace, encoding="utf-8") as f:
            check(f.read() == "counted: vkFakeCommand(1, 2)\n", "the trace")


@front("render-server", "vitrine-render as a render server: contexts, resources, fences; one that dies is alone")
def render_server(where):
    monitor = rc.Monitor(os.path.join(FAKE, "vitrine-render"), f"--verbose --host-driver {driver(where)}")
    first = monitor.context(7, "guest\x1b[31m")
    first.init()
    check(first.create(1)[:3] == (56, rc.KIND_SHM, 1), "a resource")
    check(first.create(2, blob_id=vc.BLOB_NONE)[:2] == (56, rc.KIND_NONE), "no resource")
    first.submit(*[vc.FAKE_NOTHING] * 100)
    first.fence(0, 5)
    check(os.eventfd_read(first.event) == 1 and first.timeline(0) == 5, "a fence of timeline 0")
    first.fence(3, 9)
    first.submit(vc.FAKE_RELEASE, 3)
    check(os.eventfd_read(first.event) == 1 and first.timeline(3) == 9, "a fence of timeline 3")
    check(monitor.context(7) is None, "a number that is taken")
    second = monitor.context(8, "two")
    second.init()
    second.submit(vc.FAKE_CRASH)
    check(second.is_ended(), "the crashed context")
    check(first.create(3)[0] == 56, "the first context goes on")
    first.close()
    monitor.destroy(7)
    monitor.destroy(8)
    again = monitor.context(7, "again")
    again.init()
    check(again.create(1)[0] == 56, "the number is free again")
    again.close()
    status, said = monitor.end()
    check(status == 0 and "crashed: Aborted" in said and "guest?[31m" in said, f"{status}\n{said}")


@front("render-server-seldom", "contexts that die without end fill no log: 8 sentences in a second, then how many were left out")
def render_server_seldom(where):
    monitor = rc.Monitor(os.path.join(FAKE, "vitrine-render"), f"--host-driver {driver(where)}")

    def die(number):
        context = monitor.context(number)
        context.init()
        context.submit(vc.FAKE_DIE)
        check(context.is_ended(), "the context that died")
        context.close()

    for number in range(1, 31):
        die(number)
    time.sleep(1.1)
    die(31)
    status, said = monitor.end()
    told = said.count("the fake was told to die")
    seconds = said.count("were left out")
    check(status == 0 and seconds > 0 and told <= 8 * (seconds + 1), f"{status}, {told} sentences\n{said}")


@front("render-server-memory", "contexts of a render server have one limit together, and what a killed one had is free again", "programs")
def render_server_memory(where):
    monitor = rc.Monitor(os.path.join(REAL, "vitrine-render"), f"--max-memory 8M --host-driver {driver(where)}")
    first, second = monitor.context(1), monitor.context(2)
    first.init()
    second.init()
    mib = 1 << 20
    check(first.create(1, 6 * mib)[1] == rc.KIND_SHM, "6 MiB of 8")
    check(second.create(1, 3 * mib)[1] == rc.KIND_NONE, "3 MiB were to be had where 2 are left")
    check(second.create(2, 2 * mib)[1] == rc.KIND_SHM, "the 2 MiB that are left")
    os.kill(min(children(monitor.process.pid)), signal.SIGKILL)  # the oldest: it waited for the first context
    check(first.is_ended(), "the killed context")
    wait_until(lambda: second.create(3, 6 * mib)[1] == rc.KIND_SHM, "the killed one's 6 MiB are free")
    second.close()
    status, said = monitor.end()
    check(status == 0 and "was killed by signal 9" in said, f"{status}\n{said}")


def mesa_environment(srv, found):
    return {**os.environ, "VN_DEBUG": "vtest", "VTEST_SOCKET_NAME": srv.path, "VK_DRIVER_FILES": found["client_icd"]}


@front("mesa", "vitrine exec runs vulkaninfo, sandboxed, with Mesa's Venus driver on lavapipe", "programs")
def mesa(_):
    found = vulkan_paths("mesa")
    arguments = ["exec", "--client-driver", found["client_icd"], "--host-driver", found["lavapipe_icd"], "--verbose", "--stats", "--"]
    status, stdout, stderr = run_vitrine(*arguments, found["vulkaninfo"], "--summary", programs=REAL)
    check(status == 0, f"exit status {status}\n{stderr}")
    expect_in(r"deviceName\s+= Virtio-GPU Venus \(llvmpipe", stdout, "the device")
    expect_in(r"client vulkaninfo \(pid \d+\): left", stderr, "the client's end")
    expect_in(r"(?m)^  vkCreateInstance +[1-9]", stderr, "commands handled")
    expect_in(r"(?m)^  VkInstance +0 live +[1-9]\d* made +[1-9]\d* gone", stderr, "objects made and destroyed")


@front("mesa-work", "a compute program reads back what is right, and a picture has the hash it has without us, sandboxed", "programs")
def mesa_work(_):
    with _build_lock:
        _built("vulkan-tests")
    found = vulkan_paths("mesa")
    arguments = ["exec", "--client-driver", found["client_icd"], "--host-driver", found["lavapipe_icd"], "--"]
    programs = os.path.join(TOP, "build/vulkan/bin")
    status, stdout, stderr = run_vitrine(*arguments, os.path.join(programs, "vkt_compute"), programs=REAL)
    check(status == 0 and "all right on Virtio-GPU Venus" in stdout, f"{status}\n{stdout}{stderr}")
    hashes = []
    for command, environment in (
        ([os.path.join(REAL, "vitrine"), *arguments], {}), ([], {"VK_DRIVER_FILES": found["lavapipe_icd"]}),
    ):
        done = subprocess.run([*command, os.path.join(programs, "vkt_picture")], text=True, capture_output=True, timeout=60,
                              check=False, env={**os.environ, **environment})
        hashes += re.findall(r"hash (\w+)", done.stdout)
    check(len(hashes) == 2 and hashes[0] == hashes[1], f"the pictures' hashes: {hashes}")


@functools.lru_cache(maxsize=None)
def vulkan_programs():
    with _build_lock:
        _built("vulkan-tests")
    return os.path.join(TOP, "build/vulkan/bin")


def run_mesa(options, *command, **environment):
    """A client of Mesa's own through vitrine exec on lavapipe.  Returns what it printed, and the seconds."""
    found = vulkan_paths("mesa")
    started = time.monotonic()
    status, stdout, stderr = run_vitrine("exec", "--client-driver", found["client_icd"], "--host-driver", found["lavapipe_icd"],
                                         *options, "--", *command, programs=REAL, **environment)
    check(status == 0, f"{command}: exit status {status}\n{stdout}{stderr}")
    return stdout + stderr, time.monotonic() - started


@front("shader-cache", "a program's second run finds its shaders compiled, in a directory that nobody else can read; none: it does not", "programs")
def shader_cache(where):
    program = os.path.join(vulkan_programs(), "vkt_stress"), "--only", "threads"
    directory = os.path.join(where, "vitrine/shaders")
    for options in (("--verbose",), ("--shader-cache", directory)):
        _, took = run_mesa(options, *program, XDG_CACHE_HOME=where)
    _, took_without = run_mesa(("--shader-cache", "none"), *program, XDG_CACHE_HOME=where)
    check(took * 2 < took_without, f"{took:.2f} s with its cache, {took_without:.2f} s without")
    check(os.stat(directory).st_mode & 0o777 == 0o700, f"mode {os.stat(directory).st_mode:o} of {directory}")
    check(any(names for _, _, names in os.walk(directory)), "there is nothing in the cache")
    shutil.rmtree(directory)
    os.symlink("/no/such", directory)
    run_mesa((), os.path.join(vulkan_programs(), "vkt_compute"), XDG_CACHE_HOME=where)


def recorded_memories(path):
    """What a record has of memory: see device/record.h."""
    with open(path, "rb") as f:
        data, at = f.read(), 4
    while at < len(data):
        _, size_bytes, kind = struct.unpack_from("<QII", data, at)
        if kind == 1:
            yield data[at + 16:at + 16 + size_bytes]
        at += 16 + size_bytes


@front("record", "recorded commands of several clients, decoded and encoded again, are the same bytes", "programs")
def record(where):  # conformance: S3-10
    with _build_lock:
        _built("venus-bench")
    path = os.path.join(where, "record")
    run_mesa(("--record", path), "/bin/sh", "-c", f"cd {vulkan_programs()} && ./vkt_compute && ./vkt_picture && ./vkt_stress --only threads")
    check(sorted(os.listdir(where)) == ["record", "record.2", "record.3"], f"the files: {os.listdir(where)}")
    for name in os.listdir(where):
        done = subprocess.run([os.path.join(TOP, "build/bench/bin/venus_stream_bench"), "check", os.path.join(where, name)],
                              text=True, capture_output=True, timeout=60, check=False)
        check(done.returncode == 0 and "all the same" in done.stdout, f"{name}: {done.stdout}{done.stderr}")
        check(any(map(any, recorded_memories(os.path.join(where, name)))), f"{name}: nothing of what was in the client's memory")


@front("mesa-deaths", "Mesa's client ends by itself when its renderer is killed or its connection is refused; others run on", "programs")
def mesa_deaths(_):
    found = vulkan_paths("mesa")
    with Server("--host-driver", found["lavapipe_icd"], programs=REAL) as srv:
        environment = mesa_environment(srv, found)
        before = fd_count(srv.process.pid)
        for _ in range(2):
            client = subprocess.Popen([found["vulkaninfo"]], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            other = subprocess.Popen([found["vulkaninfo"], "--summary"], env=environment, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            wait_until(lambda: srv.said(f"pid {client.pid}): connected") or client.poll() is not None, "it connects")
            for pid in srv.workers()[:1]:
                os.kill(pid, signal.SIGKILL)
            client.wait(10)
            other.wait(10)
        wait_until(lambda: len(srv.workers()) <= 1 and fd_count(srv.process.pid) <= before + 1, "all is given back")
