"""vitrine exec as a person meets it: exit statuses, signals, what is left behind; on the renderer that does nothing."""

import os
import pty
import signal
import subprocess
import sys
import threading
import time

from vitrine_test.suite import TOP

from .cases import check
from .venus_front import HERE, driver, front, run_vitrine
from .venus_server import FAKE, children, wait_until


@front("exec-stats", "SIGUSR1 to vitrine exec prints the counters of the program that runs")
def exec_stats(where):
    process = subprocess.Popen([os.path.join(FAKE, "vitrine"), *exec_arguments(where, "sleep")], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env={**os.environ, "VN_DEBUG": "init"})
    process.stdout.readline()
    process.send_signal(signal.SIGUSR1)
    killer = threading.Timer(10, process.terminate)
    killer.start()
    said = ""
    for line in process.stderr:
        said += line
        if "submits" in line:
            break
    killer.cancel()
    process.terminate()
    process.communicate(timeout=20)
    check("client program" in said and "submits" in said, f"it said:\n{said}")


PROGRAM = """
import os, sys, time
sys.path[:0] = [{tests!r}, {tools!r}]
from system import venus_client as vc
mode = sys.argv[1]
assert os.environ["VN_DEBUG"] == "vtest,init" and os.environ["VK_DRIVER_FILES"].endswith("none_icd.json"), os.environ
client = vc.Client(os.environ["VTEST_SOCKET_NAME"], "program")
client.ask(vc.PING)
print("directory", os.path.dirname(os.environ["VTEST_SOCKET_NAME"]), flush=True)
if mode == "die":
    client.submit(vc.FAKE_DIE)
if mode == "crash":
    client.submit(vc.FAKE_CRASH)
if mode in ("die", "crash", "sleep"):
    time.sleep(60)
if mode == "own-signal":
    os.kill(os.getpid(), 15)
sys.exit(int(mode) if mode.isdigit() else 0)
"""


def exec_arguments(where, mode):
    path = os.path.join(where, "program.py")
    with open(path, "w", encoding="utf-8") as f:
        f.write(PROGRAM.format(tests=os.path.dirname(HERE), tools=os.path.join(TOP, "tools")))
    icd = driver(where)
    return ["exec", "--client-driver", icd, "--host-driver", icd, "--", sys.executable, path, mode]


def is_all_gone(stdout):
    """Nothing of a run is left: neither its directory nor a process that names it."""
    directory = stdout.split()[1]
    if os.path.exists(directory):
        return False
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if directory.encode() in f.read():
                    return False
        except OSError:
            continue
    return True


@front("exec", "vitrine exec passes the program's exit status on, says 70 when the renderer died, and leaves nothing behind")
def exec_(where):
    for mode, expected, words in (
        ("0", 0, ""), ("3", 3, ""), ("own-signal", 143, ""), ("die", 70, "told to die"), ("crash", 70, "crashed: Aborted"),
    ):
        started = time.monotonic()
        status, stdout, stderr = run_vitrine(*exec_arguments(where, mode), VN_DEBUG="init")
        check(status == expected, f"{mode}: exit status {status}, expected {expected}\n{stdout}{stderr}")
        said = [line for line in stderr.splitlines() if "finds no Vulkan device" not in line]  # of this driver, rightly
        check(words in stderr and (words or not said), f"{mode}: it said:\n{stderr}")
        check(time.monotonic() - started < 10, f"{mode}: it took {time.monotonic() - started:.1f} s")
        check(is_all_gone(stdout), f"{mode}: something is left behind")
    icd = driver(where)
    for words, expected in ((("/no/such/program",), 127), ((where,), 126)):
        status, _, stderr = run_vitrine("exec", "--client-driver", icd, "--host-driver", icd, "--", *words)
        check(status == expected, f"{words}: exit status {status}\n{stderr}")
    for words, expected, said in ((("--host-driver", ""), 71, "no Vulkan driver"), (("--max-memory", "much"), 2, "vitrine exec: --max-memory much")):
        status, _, stderr = run_vitrine("exec", "--client-driver", icd, *words, "--", "true")
        check(status == expected and said in stderr, f"{words}: exit status {status}\n{stderr}")
    status, _, stderr = run_vitrine("exec", "--client-driver", "/no.json", "--", "true")
    check(status == 71 and "/no.json" in stderr, f"exit status {status}\n{stderr}")


@front("exec-signals", "vitrine exec, told to end by a signal, ends its program and leaves nothing; killed, it still leaves nothing")
def exec_signals(where):
    for number, expected in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGKILL, -9)):
        words = ["env", "--default-signal=INT,HUP,TERM", os.path.join(FAKE, "vitrine"), *exec_arguments(where, "sleep")]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "VN_DEBUG": "init"})
        stdout = process.stdout.readline()
        process.send_signal(number)
        status = process.wait(20)
        # Python ends with 1 after the KeyboardInterrupt that SIGINT means to it (and in the background of a shell nothing), or by the signal.
        check(status == expected or (number == signal.SIGINT and status == 1), f"{number.name}: exit status {status}")
        wait_until(lambda stdout=stdout: is_all_gone(stdout), f"{number.name}: all is gone", 20)
        process.stdout.close()


class Starting:
    """A vitrine exec whose server waits for somebody to read its trace."""

    def __init__(self, where, *starter, **more):
        self.ran = os.path.join(where, "ran")
        icd, pipe = driver(where), os.path.join(where, "pipe")
        if not os.path.exists(pipe):
            os.mkfifo(pipe)
        self.process = subprocess.Popen(
            [*starter, "env", "--default-signal=INT,HUP,TERM", os.path.join(FAKE, "vitrine"), "exec", "--client-driver", icd, "--host-driver", icd,
             "--trace", pipe, "--", "touch", self.ran], **more)
        wait_until(lambda: any(map(is_in_open, children(self.process.pid))), "the server opens its trace")
        self.server = children(self.process.pid)[0]

    def expect_end(self, what, expected):
        try:
            status = self.process.wait(4)
            check(status == expected, f"{what}: exit status {status}, expected {expected}")
            wait_until(lambda: not os.path.exists(f"/proc/{self.server}"), f"{what}: the server is gone", 5)
            check(not os.path.exists(self.ran), f"{what}: the program was started all the same")
        finally:
            self.process.kill()
            if os.path.exists(f"/proc/{self.server}"):
                os.kill(self.server, signal.SIGKILL)


def is_in_open(pid):
    try:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as f:
            call = f.read().split()[0]
        return os.readlink(f"/proc/{pid}/exe").endswith("vitrine-gpu") and call in ("257", "56")  # openat of x86-64, of arm64
    except OSError:
        return False


@front("exec-signals-early", "vitrine exec, told to end while its server starts, ends at once with it, starts no program and signals nobody else")
def exec_signals_early(where):
    bystander = subprocess.Popen(["sleep", "60"], process_group=0)
    for number, expected in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)):
        starting = Starting(where, process_group=bystander.pid)
        starting.process.send_signal(signal.SIGUSR1)  # there are no counters yet
        starting.process.send_signal(number)
        starting.expect_end(number.name, expected)
    check(bystander.poll() is None, "a process of the same group was ended too")
    bystander.kill()
    bystander.wait()


@front("exec-interrupt-early", "a Ctrl-C while the server of vitrine exec starts is not lost")
def exec_interrupt_early(where):
    screen, terminal = pty.openpty()
    starting = Starting(where, "setsid", "--ctty", stdin=terminal)
    os.write(screen, b"\3")
    starting.expect_end("Ctrl-C", 130)
    os.close(screen)
    os.close(terminal)


@front("exec-closed", "with standard input and error closed, what is for them goes into no other file")
def exec_closed(where):
    trace = os.path.join(where, "trace")
    arguments = exec_arguments(where, "0")
    arguments[1:1] = ["--stats", "--verbose", "--trace", trace]
    words = ["/bin/sh", "-c", 'exec "$@" <&- 2>&-', "sh", os.path.join(FAKE, "vitrine"), *arguments]
    status = subprocess.run(words, stdout=subprocess.DEVNULL, timeout=30, check=False, env={**os.environ, "VN_DEBUG": "init"}).returncode
    check(status == 0, f"exit status {status}")
    with open(trace, encoding="utf-8") as f:
        said = f.read()
    check(said == "", f"the trace has:\n{said}")
