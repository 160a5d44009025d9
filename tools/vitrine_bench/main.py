"""./bench: measures the figures one after another and prints each beside its peer and its bar."""

import argparse
import dataclasses
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JSON = os.path.join(TOP, "build/bench.json")
sys.path[:0] = [os.path.join(TOP, "tools"), os.path.join(TOP, "tests/perf")]
from vitrine_bench import library, venus  # noqa: E402
from vitrine_bench.figure import Unavailable, settings  # noqa: E402

EPILOG = """\
Runs of ours and of the peers alternate; each figure is the median of the runs.  The table is also written, with
every figure, to build/bench.json.  The peers (Linux, EDK2, virglrenderer) are fetched from the distribution's archive when needed.
Figures come from tools/vitrine_bench and from tests/perf/*_figures.py (each with a function figures()).
exit status: 0 measured; 1 a bar was missed (with --strict) or a measurement broke; 2 wrong use; 3 set-up failed
"""


class TeachingParser(argparse.ArgumentParser):
    def error(self, message):
        sys.stderr.write(f"bench: {message}\nbench: './bench --help' explains every option\n")
        sys.exit(2)


def parse(argv):
    parser = TeachingParser(prog="./bench", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                            allow_abbrev=False, description="Measures Vitrine, each figure beside its peer, in one run.")
    parser.add_argument("--only", metavar="PATTERN", default="", help="only figures whose name matches this regular expression")
    parser.add_argument("--list", action="store_true", help="list the figures and their bars; measure nothing")
    parser.add_argument("--strict", action="store_true", help="end with 1 when a bar is missed")
    parser.add_argument("--runs", type=int, default=settings.runs, metavar="N", help="runs of each (default %(default)s)")
    parser.add_argument("--seconds", type=int, default=settings.seconds, metavar="S",
                        help="how long each figure is measured in each run (default %(default)s)")
    parser.add_argument("--yes", action="store_true", help="install missing packages without asking")
    options = parser.parse_args(argv)
    try:
        re.compile(options.only)
    except re.error as e:
        parser.error(f"--only {options.only}: no regular expression ({e})")
    if options.runs < 1 or options.seconds < 1:
        parser.error("--runs and --seconds must be at least 1")
    return options


def load(path):
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.figures()


def all_figures():
    found, where = library.figures() + venus.figures(), os.path.join(TOP, "tests/perf")
    for name in sorted(os.listdir(where)) if os.path.isdir(where) else []:
        if name.endswith("_figures.py"):
            found += load(os.path.join(where, name))
    return found


def set_up(figures, yes):
    groups = sorted({g for f in figures for g in f.groups})
    command = [os.path.join(TOP, "tools/setup/setup")] + (["--yes"] if yes else []) + groups
    return subprocess.run(command, check=False).returncode == 0


def show(figure, width):
    """Measures and prints one figure; gives (verdict, Result or None): met, missed, unknown, unavailable or broken."""
    print(f"{figure.name:<{width}}  {figure.about} ...", flush=True)
    try:
        r = figure.measure()
    except Unavailable as e:
        print(f"{'':<{width}}  not measured here: {e}", flush=True)
        return "unavailable", None
    except Exception as e:  # one broken measurement must not hide the others
        print(f"{'':<{width}}  broken: {type(e).__name__}: {e}", flush=True)
        return "broken", None
    peer = f"   peer {r.peer:,.6g} {r.unit}" if r.peer is not None else ""
    verdict = {True: "met", False: "missed", None: "unknown"}[r.met]
    print(f"{'':<{width}}  ours {r.ours:,.6g} {r.unit}{peer}   bar {figure.bar}: {verdict}   {r.note}".rstrip(), flush=True)
    return verdict, r


def qemu_version():
    try:
        text = subprocess.run(["qemu-system-aarch64", "--version"], text=True, stdout=subprocess.PIPE, check=False).stdout
    except OSError:
        return "none"
    return text.splitlines()[0]


def load_average():
    return round(os.getloadavg()[0], 2)


def processor_time():
    """In ticks since the start of the machine: all, and what its host gave to other machines meanwhile; None: not told."""
    try:
        with open("/proc/stat", encoding="ascii") as f:
            ticks = [int(word) for word in f.readline().split()[1:9]]
        return sum(ticks), ticks[7]
    except (OSError, ValueError, IndexError):
        return None


def stolen_percent(begin):
    """Of the processors' time since `begin`.  Beyond a few percent, late percentiles tell of the machine and not of the servers."""
    now = processor_time()
    if now is None or begin is None or now[0] == begin[0]:
        return "an unknown number of"
    return round(100 * (now[1] - begin[1]) / (now[0] - begin[0]), 1)


def table(figures, outcomes):
    """The figures once more, one line each."""
    rows = [("figure", "ours", "peer", "unit", "bar", "verdict")]
    for figure, (verdict, r) in zip(figures, outcomes):
        ours, peer, unit = (f"{r.ours:,.6g}", f"{r.peer:,.6g}" if r.peer is not None else "-", r.unit) if r else ("-",) * 3
        rows.append((figure.name, ours, peer, unit, figure.bar, verdict))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows)


def write_json(figures, outcomes, started, stolen):
    """Everything measured, with what it was measured on."""
    record = {
        "when_s": int(started), "qemu": qemu_version(), "processors": os.cpu_count(), "load_at_end": load_average(), "stolen_percent": stolen,
        "runs": settings.runs, "seconds": settings.seconds,
        "figures": [
            {"name": f.name, "about": f.about, "bar": f.bar, "verdict": verdict, **(dataclasses.asdict(r) if r else {})}
            for f, (verdict, r) in zip(figures, outcomes)
        ],
    }
    os.makedirs(os.path.dirname(JSON), exist_ok=True)
    with open(JSON, "w", encoding="utf-8") as f:
        json.dump(record, f, indent=1)


def main(argv):
    options = parse(argv)
    figures = [f for f in all_figures() if re.search(options.only, f.name)]
    if not figures:
        print(f"bench: no figure matches --only {options.only}; './bench --list' names them all", file=sys.stderr)
        return 2
    width = max(len(f.name) for f in figures)
    if options.list:
        for figure in figures:
            print(f"{figure.name:<{width}}  {figure.about}; bar: {figure.bar}")
        return 0
    if not set_up(figures, options.yes):
        return 3
    settings.runs, settings.seconds, started = options.runs, options.seconds, time.time()
    print(f"bench: {qemu_version()}, {os.cpu_count()} processors, load {load_average()}, {settings.runs} runs", flush=True)
    begin = processor_time()
    outcomes = [show(figure, width) for figure in figures]
    stolen = stolen_percent(begin)
    write_json(figures, outcomes, started, stolen)
    verdicts = [verdict for verdict, _ in outcomes]
    print(f"\n{table(figures, outcomes)}\n")
    print(f"of the processors' time {stolen} % went to other machines of this host")
    print(", ".join(f"{verdicts.count(v)} {v}" for v in ("met", "missed", "unknown", "unavailable", "broken")))
    return 1 if "broken" in verdicts or (options.strict and "missed" in verdicts) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: QEMU goes with us
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
