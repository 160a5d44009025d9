"""What a suite is: a name, one line of what it shows, and a function that passes, fails or says why it cannot run."""

import dataclasses
import os
import re
import subprocess
from typing import Callable

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIP_STATUS = 77  # exit status of a program that says: cannot run here (its last line tells why)


class Failed(Exception):
    """The suite found something wrong; the message is shown to a person."""


class Skipped(Exception):
    """The suite cannot run here; the message is the reason."""


@dataclasses.dataclass
class Suite:
    """`run` returns normally when all is well; `alone` keeps other suites from running meanwhile."""

    name: str
    about: str
    run: Callable[[], None]
    long_only: bool = False
    alone: bool = False


def sources(pattern, *directories):
    """Root-relative paths under `directories` (default: the whole tree) that match; never build/ or hidden directories."""
    regex, found = re.compile(pattern), []
    for start in directories or (".",):
        for where, dirs, files in os.walk(os.path.join(TOP, start)):
            dirs[:] = sorted(d for d in dirs if not d.startswith(".") and d not in ("build", "__pycache__"))
            found += [os.path.relpath(os.path.join(where, f), TOP) for f in files if regex.search(f)]
    return sorted(found)


def run_program(command, timeout_s=300, what=None, env=None):
    """Runs a program at the top of the tree; Failed with the end of its output, Skipped on status 77."""
    what = what or os.path.basename(command[0])
    try:
        done = subprocess.run(
            command, cwd=TOP, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, timeout=timeout_s, check=False, env=env,
        )
    except subprocess.TimeoutExpired as e:
        raise Failed(f"{what}: did not end within {timeout_s} s\n{tail(str(e.stdout or ''))}") from e
    except OSError as e:
        raise Failed(f"{what}: {e}") from e
    if done.returncode == SKIP_STATUS:
        raise Skipped((done.stdout.strip().splitlines() or ["no reason given"])[-1])
    if done.returncode != 0:
        raise Failed(f"{what}: exit status {done.returncode}\n{tail(done.stdout)}")
    return done.stdout


def tail(text, count=40):
    """The last lines of an output."""
    return "\n".join(text.rstrip().splitlines()[-count:])


def make_variable(name):
    """The value of one variable of the Makefile, as a list of words."""
    return run_program(["make", "-s", f"print-{name}"]).split()


def tool_major(tool):
    """The major version of a clang tool, or Skipped when it is not installed."""
    try:
        text = subprocess.run([tool, "--version"], text=True, stdout=subprocess.PIPE, check=False).stdout
    except OSError as e:
        raise Skipped(f"{tool} is not installed") from e
    return int(re.search(r"version (\d+)", text).group(1))
