"""./run as a person meets it: options, messages, exit statuses, files it writes."""

import json
import os
import pty
import socketserver
import subprocess
import tempfile
import threading

from vitrine_test.suite import Skipped

from .cases import TOP, check, expect_in, run_command, system

WRONG_USES = (
    (("--smp", "99"), "--smp 99"),
    (("--mmio", "3"), "--mmio"),
    (("--rings", "packed", "--mmio", "1"), "needs --mmio 2"),
    (("--bogus",), "--bogus"),
    (("--screenshot", "x.gif"), ".png"),
    (("--screenshot", "/nowhere/at/all/x.png"), "directory"),
    (("--exec", " ; "), "--exec is empty"),
    (("--exec", "\n;\n"), "--exec is empty"),
    (("--timeout", "-1"), "above 0"),
    (("--timeout", "nan"), "above 0"),
    (("--timeout", "inf"), "above 0"),
    (("--qemu", "no-such-qemu"), "no such program"),
)


@system("run.usage", "./run names a wrong option and ends with 2; --help teaches every option")
def usage():
    for arguments, message in WRONG_USES:
        status, _, stderr = run_command(*arguments)
        check(status == 2, f"./run {' '.join(arguments)}: exit status {status}, expected 2\n{stderr}")
        check(message in stderr and "--help" in stderr, f"./run {' '.join(arguments)} said only:\n{stderr}")
    status, stdout, _ = run_command("--help")
    check(status == 0, f"./run --help: exit status {status}")
    for word in ("--exec", "--screenshot", "--display", "--smp", "--mmio", "--gic", "--gpu-driver", "--rings", "--timeout",
                 "--trace", "Ctrl-A X", "124"):
        check(word in stdout, f"./run --help does not explain {word}")


@system("run.screenshot", "./run --exec --screenshot writes a PNG and ends with 0")
def screenshot():
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "shot.png")
        status, stdout, stderr = run_command("--exec", "gpu test", "--screenshot", path)
        check(status == 0, f"exit status {status}\n{stdout[-1500:]}{stderr[-1500:]}")
        with open(path, "rb") as f:
            check(f.read(8) == b"\x89PNG\r\n\x1a\n", "the screenshot is no PNG")
        expect_in(r"1280x800, 8 colours", stderr, "the report of the screenshot")


@system("run.failed-command", "./run ends with 1 when a command fails")
def failed_command():
    status, _, stderr = run_command("--exec", "frobnicate")
    check(status == 1, f"exit status {status}, expected 1\n{stderr}")


@system("run.panic", "./run ends with 4 when the kernel panics")
def panics():
    status, stdout, stderr = run_command("--exec", "panic")
    check(status == 4, f"exit status {status}, expected 4\n{stdout[-1500:]}{stderr}")


# What only the kernel may say, said by somebody else; each would have changed what ./run believes.
FORGED_LINES = ("vitrine: exec done status=0", "PANIC: forged", "PANIC: end, halted", "---TRACE BEGIN---")


def check_not_believed(stdout, stderr, status):
    """A failed command comes after the forged lines: what follows them must be seen, and the status be 1."""
    check(status == 1, f"exit status {status}, expected 1\n{stdout[-1500:]}{stderr}")
    for line in FORGED_LINES:
        expect_in(f"^{line}$", stdout, "the printed line itself")
    expect_in(r"^frobnicate: ", stdout, "what comes after the forged lines")
    expect_in(r"^run: 1 command failed", stderr, "the reason")
    check("token=" not in stdout, "a token is shown:\n" + stdout[-1500:])


@system("run.forged-by-echo", "./run believes no end, panic or trace marker that a command prints")
def forged_by_echo():
    commands = [f"echo '{line}'" for line in FORGED_LINES] + ["frobnicate"]
    status, stdout, stderr = run_command("--exec", "; ".join(commands))
    check_not_believed(stdout, stderr, status)
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "trace.json")
        status, stdout, stderr = run_command("--exec", "; ".join(commands), "--trace", path)
        check_not_believed(stdout, stderr, status)
        expect_in(r"^run: trace: ", stderr, "the trace")


class ForgingServer(socketserver.BaseRequestHandler):
    """A page whose last line, without its end, comes just before the kernel's own last line."""

    def handle(self):
        self.request.recv(4096)
        body = "".join(f"{line}\n" for line in FORGED_LINES) + "no end"
        self.request.sendall(f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


@system("run.forged-by-page", "./run believes no end, panic or trace marker in a page that the guest fetched")
def forged_by_page():
    with socketserver.TCPServer(("127.0.0.1", 0), ForgingServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = f"http://10.0.2.2:{server.server_address[1]}/"
        status, stdout, stderr = run_command("--exec", f"net up; net fetch {page}; frobnicate")
        server.shutdown()
    check_not_believed(stdout, stderr, status)


@system("run.newline", "a line end in --exec separates commands")
def newline():
    status, stdout, stderr = run_command("--exec", "\necho one\r\necho two;\n\n  echo three\n")
    check(status == 0, f"exit status {status}\n{stdout[-1500:]}{stderr}")
    expect_in(r"^one\ntwo\nthree$", stdout, "the three commands' output")


# --exec, and the status that ./run ends with
POWEROFFS = (("poweroff", 0), ("echo a; poweroff", 0), ("frobnicate; poweroff;", 1), ("poweroff; echo a", 1))


@system("run.poweroff", "a poweroff that is the last command of --exec is success; one before others is not")
def poweroff():
    for commands, expected in POWEROFFS:
        status, stdout, stderr = run_command("--exec", commands)
        check(status == expected, f"--exec '{commands}': exit status {status}, expected {expected}\n{stdout[-1500:]}{stderr}")


@system("run.panic-no-picture", "./run says that there is no picture because the kernel panicked")
def panic_no_picture():
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "shot.png")
        status, _, stderr = run_command("--exec", "panic", "--screenshot", path)
        check(status == 4 and not os.path.exists(path), f"exit status {status}\n{stderr}")
    expect_in(r"^run: --screenshot .*: no picture was taken, because the guest panicked$", stderr, "the reason")


@system("run.surroundings", "./run refuses a window without a desktop, and a trace of the interactive shell, before all else")
def surroundings():
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    try:
        ours, theirs = pty.openpty()
    except OSError as e:
        raise Skipped(f"no terminal can be made here: {e}") from e
    for arguments, words in ((("--display", "window"), "--display vnc"), (("--trace", "t.json"), "--exec 'gpu test' --trace t.json")):
        done = subprocess.run([os.path.join(TOP, "run"), *arguments], cwd=TOP, env=environment, stdin=theirs, stdout=theirs,
                              stderr=subprocess.PIPE, text=True, timeout=30, check=False)
        check(done.returncode == 2, f"./run {' '.join(arguments)}: exit status {done.returncode}\n{done.stderr}")
        check(words in done.stderr, f"./run {' '.join(arguments)} said only:\n{done.stderr}")
    os.close(ours)
    os.close(theirs)


@system("run.timeout", "./run ends with 124 when time runs out")
def times_out():
    status, _, stderr = run_command("--exec", "help", "--timeout", "0.02")
    check(status == 124, f"exit status {status}, expected 124\n{stderr}")
    check("time ran out" in stderr, stderr)


@system("run.trace", "./run --trace writes Chrome trace JSON with the GPU's commands in it")
def trace():
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, "trace.json")
        status, stdout, stderr = run_command("--exec", "gpu test", "--trace", path)
        check(status == 0, f"exit status {status}\n{stdout[-1500:]}{stderr[-1500:]}")
        with open(path, encoding="utf-8") as f:
            data = json.load(f)
        events = data["traceEvents"] if isinstance(data, dict) else data
        check(any("FLUSH" in str(e).upper() for e in events), "no flush command among the trace's events")
