"""What the system tests share: booting, typing, checking, and the registry that suites.py hands to ./test."""

import os
import re
import subprocess
import sys
import threading

from vitrine_run.guest import Guest, GuestError
from vitrine_run.machine import Machine
from vitrine_run.qmp import QmpError
from vitrine_test.suite import TOP, Failed, Suite, run_program

PROMPT = r"^vitrine> "
BOOT_TIMEOUT_S = 30.0

_build_lock = threading.Lock()
_built = {}
registry = []


def system(name, about, long_only=False):
    """Registers a function as the suite system.NAME, or long.NAME where it is only for --long."""
    prefix = "long" if long_only else "system"

    def register(function):
        registry.append(Suite(f"{prefix}.{name}", about, lambda: _run(function), long_only=long_only))
        return function

    return register


def _need_kernel():
    """Builds the kernel before the first test; when that fails, the others say so in one line."""
    with _build_lock:
        if "kernel" not in _built:
            _built["kernel"] = False
            run_program(["make", "-s", f"-j{os.cpu_count() or 1}", "kernel"], 600, what="make kernel")
            _built["kernel"] = True
        if not _built["kernel"]:
            raise Failed("the kernel does not build; the reason is above")


def _run(function):
    _need_kernel()
    try:
        function()
    except (GuestError, QmpError) as e:
        raise Failed(str(e)) from e


def newest_qemu():
    """The newest QEMU of the distribution, fetched into build/ when it is not there yet."""
    with _build_lock:
        run_program([sys.executable, "tools/setup/newest_qemu.py", "build"], 600, what="tools/setup/newest_qemu.py")
    return os.path.join(TOP, "build/qemu/newest/qemu-system-aarch64")


def check(condition, message, guest=None):
    """Fails the test with a message, and the guest's last lines, unless the condition holds."""
    if not condition:
        raise Failed(message + (guest.last_words() if guest else ""))


def boot(**choices):
    """A guest of these choices, on its way up."""
    return Guest(Machine(**choices))


def shell(guest, command, timeout_s=20.0):
    """Types a command at the prompt and gives what it printed."""
    guest.send(command)
    start = len(guest.output)
    guest.expect(PROMPT, timeout_s)
    return guest.output[start:].partition("\n")[2]


def exec_status(timeout_s=30.0, **choices):
    """Boots with commands; gives (number of failed commands, everything printed)."""
    with boot(**choices) as guest:
        m = guest.expect(guest.machine.exec_end, timeout_s)
        check(m.group(1) is not None, "the kernel panicked", guest)
        guest.wait_end()
        return int(m.group(1)), guest.output


def picture_after(commands, timeout_s=30.0, **choices):
    """Boots, runs commands that must succeed, and gives the host's picture of the display."""
    with boot(exec_commands=commands, hold=True, **choices) as guest:
        m = guest.expect(guest.machine.exec_end, timeout_s)
        check(m.group(1) == "0", f"not every command of '{commands}' succeeded", guest)
        picture = guest.screendump()
        guest.send("")
        guest.wait_end()
        return picture


def run_command(*arguments, timeout_s=120):
    """Runs ./run as a user does; gives (exit status, stdout, stderr)."""
    done = subprocess.run(
        [os.path.join(TOP, "run"), "--display", "none"] + list(arguments), cwd=TOP, text=True, errors="replace",
        capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout_s, check=False,
    )
    return done.returncode, done.stdout, done.stderr


def expect_in(pattern, text, what):
    check(re.search(pattern, text, re.M), f"{what}: no /{pattern}/ in:\n{text[-3000:]}")
