"""Suites that are programs: unit tests, fuzzers, tests against QEMU's devices, the embedding example."""

import os
import sys
import threading

from .suite import TOP, Suite, run_program, sources

SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


_make_lock = threading.Lock()


def environment():
    return dict(os.environ, **SANITIZER_ENV)


def names(directory, pattern):
    return [os.path.splitext(os.path.basename(p))[0] for p in sources(pattern, directory) if p.count("/") == 2]


def built(path):
    """The program, made now if it is not there or stale."""
    with _make_lock:
        run_program(["make", "-s", path], 600, what=f"make {path}")
    return path


def unit_suite(name):
    return Suite(f"unit.{name[:-5]}", f"tests/unit/{name}.c",
                 lambda: run_program([built(f"build/host/bin/{name}")], 120, env=environment()))


def threads_suite(name):
    return Suite(f"threads.{name[:-5]}", f"tests/unit/{name}.c with the thread sanitizer",
                 lambda: run_program([built(f"build/tsan/bin/{name}")], 120, env=environment()))


def on_newest_qemu(name):
    with _make_lock:
        run_program([sys.executable, "tools/setup/newest_qemu.py", "build"], 600, what="tools/setup/newest_qemu.py")
    qemu = os.path.join(TOP, "build/qemu/newest/qemu-system-aarch64")
    run_program([built(f"build/host/bin/{name}")], 300, env=dict(environment(), QTEST_QEMU=qemu))


def on_our_device(name):
    with _make_lock:
        run_program(["make", "-s", "-j2", "fake-programs"], 900, what="make fake-programs")
    on_newest_qemu(name)


def qtest_suites(name):
    stem = name[:-5]
    if stem.startswith("gpu_hostile"):
        return [Suite(f"qtest.{stem}", f"tests/qtest/{name}.c, against our device behind the newest QEMU", lambda: on_our_device(name))]
    return [
        Suite(f"qtest.{stem}", f"tests/qtest/{name}.c, against QEMU's real devices",
              lambda: run_program([built(f"build/host/bin/{name}")], 300, env=environment())),
        Suite(f"long.qemu-newest.qtest.{stem}", "the same on the newest QEMU", lambda: on_newest_qemu(name), long_only=True),
    ]


def fuzz(name, seconds):
    """A bounded run from the committed seeds; what it learns stays under build/."""
    seeds, learned = f"tests/fuzz/corpus/{name}", os.path.join(TOP, "build/fuzz/corpus", name)
    os.makedirs(learned, exist_ok=True)
    artifacts = os.path.join(TOP, "build/fuzz/findings") + "/"
    os.makedirs(artifacts, exist_ok=True)
    corpus = [learned] + ([seeds] if os.path.isdir(os.path.join(TOP, seeds)) else [])
    options = ["-max_total_time=%d" % seconds, "-timeout=10", "-rss_limit_mb=1024", "-verbosity=0",
               "-max_len=4096", "-error_exitcode=1", "-timeout_exitcode=1", f"-artifact_prefix={artifacts}"]
    run_program([built(f"build/fuzz/bin/{name}")] + options + corpus, seconds + 120, env=environment())


def fuzz_suites(name):
    stem = name[:-5]
    return [
        Suite(f"fuzz.{stem}", f"tests/fuzz/{name}.c for 5 seconds", lambda: fuzz(name, 5)),
        Suite(f"long.fuzz.{stem}", f"tests/fuzz/{name}.c for 60 seconds", lambda: fuzz(name, 60), long_only=True),
    ]


def make(*targets):
    run_program(["make", "-s", "-k", f"-j{os.cpu_count() or 1}"] + list(targets), 900, what="make " + " ".join(targets))


def build_suites():
    return [
        Suite("build.kernel", "make kernel lib, warnings are errors", lambda: make("kernel", "lib"), alone=True),
        Suite("build.tests", "make unit qtest fuzz", lambda: make("unit", "qtest", "fuzz"), alone=True),
        Suite("build.debug", "make PRESET=debug kernel lib", lambda: make("PRESET=debug", "kernel", "lib"),
              long_only=True, alone=True),
    ]


def reproducible():
    run_program([sys.executable, "tools/check/reproducible.py"], 1800, what="tools/check/reproducible.py")


def suites():
    found = build_suites()
    found += [unit_suite(n) for n in names("tests/unit", r"_test\.c$")]
    found += [threads_suite(f"venus_{n}_test") for n in ("ring", "object", "context", "timeline")]
    found += [threads_suite(n) for n in ("vq_threads_test", "gpu_device_loop_test")]
    found += [s for n in names("tests/fuzz", r"_fuzz\.c$") for s in fuzz_suites(n)]
    found += [s for n in names("tests/qtest", r"_test\.c$") for s in qtest_suites(n)]
    found.append(Suite("long.reproducible", "two builds in two directories are byte-identical", reproducible,
                       long_only=True, alone=True))
    return found
