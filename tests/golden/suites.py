"""The generator of Venus tables: a small registry in, the expected C out; bad registries refused with their line.

conformance: S3-04 S3-17
"""

import os
import re
import subprocess
import sys
import tempfile

from vitrine_test.suite import TOP, Failed, Suite, run_program
from vitrine_test.vulkan_setup import vulkan_paths

HERE = "tests/golden/venus"
GENERATE = "tools/venusgen/generate.py"


def generate(*arguments):
    return subprocess.run([sys.executable, GENERATE, *arguments], cwd=TOP, text=True, capture_output=True, check=False, timeout=120)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def check_golden():
    with tempfile.TemporaryDirectory() as out:
        done = generate(f"{HERE}/small.xml", f"{HERE}/protocol", out)
        if done.returncode:
            raise Failed(done.stderr)
        for name in ("vn_args.h", "vn_tables.c", "vn_thunks.c", "vn_flat.c"):
            if read(os.path.join(out, name)) != read(f"{HERE}/expected/{name}.txt"):
                raise Failed(f"{name} is not the expected one; if the change is meant:\n  python3 {GENERATE} {HERE}/small.xml "
                             f"{HERE}/protocol DIR, and copy DIR/{name} to {HERE}/expected/{name}.txt")


def check_bad():
    names = sorted(os.listdir(os.path.join(TOP, HERE, "bad")))
    for name in names:
        path = f"{HERE}/bad/{name}"
        expected = re.match(r"<!-- expect: (.*) -->", read(path)).group(1)
        with tempfile.TemporaryDirectory() as out:
            done = generate(path, f"{HERE}/protocol", out)
            if done.returncode != 1 or expected not in done.stderr:
                raise Failed(f"{path}: expected exit status 1 and '{expected}'\ngot {done.returncode}: {done.stderr}")
            if os.listdir(out):
                raise Failed(f"{path}: refused, but files were written: {os.listdir(out)}")


def check_ids():
    cases = {
        "5\tvkCreateToy\tperhaps\n": "ids.tsv:1: expected 'id<TAB>command<TAB>auto|own|no REASON'",
        "5\tvkCreateToy\tauto\n5\tvkDestroyToy\tauto\n": "ids.tsv:2: id 5 is vkCreateToy's already",
        "5\tvkMapToy\tauto\n": "vkMapToy is 'auto', but cannot be sent",
    }
    for text, expected in cases.items():
        with tempfile.TemporaryDirectory() as protocol, tempfile.TemporaryDirectory() as out:
            with open(os.path.join(protocol, "ids.tsv"), "w", encoding="utf-8") as f:
                f.write(text)
            with open(os.path.join(protocol, "private.xml"), "w", encoding="utf-8") as f:
                f.write("<registry/>")
            done = generate(f"{HERE}/small.xml", protocol, out)
            if done.returncode != 1 or expected not in done.stderr:
                raise Failed(f"ids.tsv {text!r}: expected '{expected}'\ngot {done.returncode}: {done.stderr}")


def check_document():
    subprocess.run(["make", "-s", "vulkan-registry"], cwd=TOP, check=True, stdout=subprocess.DEVNULL)
    done = generate("--document", "build/deps/vulkan/registry/vk.xml", "venus/protocol")
    if done.returncode or done.stdout != read("docs/venus-commands.md"):
        raise Failed(f"{done.stderr}docs/venus-commands.md is out of date; its head says how it is made")


def check_size():
    lines = sum(len(read(f"tools/venusgen/{n}").splitlines()) for n in os.listdir(os.path.join(TOP, "tools/venusgen")) if n.endswith(".py"))
    if lines >= 1500:
        raise Failed(f"the generator has {lines} lines; it is to stay under 1,500")


def check_library():
    """As a stranger would use it: installed elsewhere, found by pkg-config, on a real driver."""
    found = vulkan_paths("mesa")
    run_program(["make", "-s", "libvenus"], what="make libvenus")
    with tempfile.TemporaryDirectory() as root:
        run_program(["make", "-s", "install-libvenus", f"DESTDIR={root}", "PREFIX=/usr"], what="make install-libvenus")
        env = dict(os.environ, PKG_CONFIG_PATH=f"{root}/usr/lib/pkgconfig", PKG_CONFIG_SYSROOT_DIR=root,
                   LD_LIBRARY_PATH=f"{root}/usr/lib:{found['library_path']}", VK_DRIVER_FILES=found["lavapipe_icd"])
        build = f"cc -std=c17 -Wall -Werror examples/venus/hello.c $(pkg-config --cflags --libs libvenus) -o {root}/hello"
        run_program(["sh", "-ec", build], what="building examples/venus/hello.c", env=env)
        said = run_program([f"{root}/hello"], what="examples/venus/hello.c", env=env, timeout_s=30)
        if not said.startswith("executed\n") or "no command has the id 4711" not in said:
            raise Failed(f"examples/venus/hello.c said:\n{said}")


def suites():
    return [
        Suite("venus.library", "libvenus by pkg-config: an instance on the host, and the reason of a death", check_library),
        Suite("venus.generator.golden", "a small registry becomes the expected tables", check_golden),
        Suite("venus.generator.bad", "bad registries are refused with their line", check_bad),
        Suite("venus.generator.ids", "bad lines of ids.tsv are refused with their line", check_ids),
        Suite("venus.generator.size", "the generator has fewer than 1,500 lines", check_size),
        Suite("check.venus-commands", "docs/venus-commands.md says what the tables do", check_document),
    ]
