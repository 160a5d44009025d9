"""./test: sets up, builds, runs the suites, reports; the last line is the count."""

import argparse
import concurrent.futures
import importlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools"))
sys.path.insert(0, os.path.join(TOP, "tests"))
from vitrine_test import checks, programs, vulkan_setup  # noqa: E402
from vitrine_test.suite import Failed, Skipped  # noqa: E402

EPILOG = """\
A suite that cannot run here is reported as SKIP, with the reason.  The last line is always
    N passed, N failed, N skipped
exit status: 0 nothing failed; 1 something failed; 2 wrong use; 3 set-up failed
"""


class TeachingParser(argparse.ArgumentParser):
    def error(self, message):
        sys.stderr.write(f"test: {message}\ntest: './test --help' explains every option\n")
        sys.exit(2)


def parse(argv):
    parser = TeachingParser(prog="./test", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                            allow_abbrev=False, description="Sets up, builds, and runs every check and test of Vitrine.")
    parser.add_argument("--only", metavar="PATTERN", help="only suites whose name matches this regular expression")
    parser.add_argument("--long", action="store_true", help="also the suites that take minutes")
    parser.add_argument("--list", action="store_true", help="list the suites and what each shows; run nothing")
    parser.add_argument("--yes", action="store_true", help="install missing packages without asking")
    options = parser.parse_args(argv)
    try:
        re.compile(options.only or "")
    except re.error as e:
        parser.error(f"--only {options.only}: no regular expression ({e})")
    return options


def all_suites():
    """Builds first, then the checks, then what the directories under tests/ bring (each in a suites.py)."""
    found = programs.suites() + vulkan_setup.suites() + checks.suites()
    for name in sorted(os.listdir(os.path.join(TOP, "tests"))):
        if os.path.exists(os.path.join(TOP, "tests", name, "suites.py")):
            found += importlib.import_module(f"{name}.suites").suites()
    builds = [s for s in found if s.name.startswith("build.")]
    return builds + [s for s in found if s not in builds]


class Report:
    """One line per suite as it ends, the failures' details at once, the count at the end."""

    def __init__(self, width):
        self._width = width
        self._lock = threading.Lock()
        self.counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}

    def add(self, suite, verdict, seconds, detail):
        with self._lock:
            self.counts[verdict] += 1
            reason = f"  ({detail})" if verdict == "SKIP" else ""
            print(f"{verdict}  {suite.name:<{self._width}} {seconds:7.2f} s{reason}", flush=True)
            if verdict == "FAIL":
                print("\n".join("      | " + line for line in detail.splitlines()), flush=True)


def run_suite(suite, report):
    start = time.monotonic()
    try:
        suite.run()
        verdict, detail = "PASS", ""
    except Skipped as e:
        verdict, detail = "SKIP", str(e)
    except (Failed, TimeoutError) as e:
        verdict, detail = "FAIL", str(e)
    except Exception:  # a broken suite is a failed one, and the others still run
        verdict, detail = "FAIL", traceback.format_exc()
    report.add(suite, verdict, time.monotonic() - start, detail)


def run_all(suites):
    report = Report(max(len(s.name) for s in suites))
    for suite in suites:
        if suite.alone:
            run_suite(suite, report)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(lambda s: run_suite(s, report), [s for s in suites if not s.alone]))
    return report.counts


def set_up(options):
    command = [os.path.join(TOP, "tools/setup/setup")] + (["--yes"] if options.yes else []) + ["base", "test", "vulkan", "view"]
    return subprocess.run(command, check=False).returncode == 0


def main(argv):
    options = parse(argv)
    suites = [s for s in all_suites() if re.search(options.only or "", s.name)]
    if options.list:
        for suite in suites:
            print(f"{suite.name:<32} {suite.about}{' (--long)' if suite.long_only else ''}")
        return 0
    suites = [s for s in suites if options.long or not s.long_only]
    if not suites:
        print(f"test: no suite matches --only {options.only}; './test --list' names them all", file=sys.stderr)
        return 2
    if not set_up(options):
        return 3
    start = time.monotonic()
    counts = run_all(suites)
    print(f"\n{len(suites)} suites in {time.monotonic() - start:.0f} s")
    print(f"{counts['PASS']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped", flush=True)
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: QEMU goes with us
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
