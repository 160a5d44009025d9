"""Static checks: formatter, linters, and the house's own rules (scripts in tools/check)."""

import concurrent.futures
import hashlib
import os
import re
import subprocess
import sys

from .suite import TOP, Failed, Skipped, Suite, make_variable, run_program, sources, tool_major

PINNED_CLANG = 14  # other versions format and diagnose differently
OUR_C = ("abi", "virtio", "venus", "kernel", "device", "tools/vitrine", "tests", "examples")


def c_files(pattern=r"\.[ch]$"):
    return sources(pattern, *[d for d in OUR_C if os.path.isdir(os.path.join(TOP, d))])


def pinned(tool):
    """The tool in the pinned version, under its plain or its versioned name."""
    versioned = f"{tool}-{PINNED_CLANG}"
    for name in (versioned, tool):
        try:
            if tool_major(name) == PINNED_CLANG:
                return name
        except Skipped:
            continue
    raise Skipped(f"needs {tool} {PINNED_CLANG}, whose verdict is the agreed one; this machine has another version")


def check_format(paths=None):
    tool = pinned("clang-format")
    done = subprocess.run([tool, "--dry-run"] + (paths or c_files()), cwd=TOP, text=True, stderr=subprocess.PIPE, check=False)
    where = sorted(set(re.findall(r"^(\S+?):\d+:\d+: warning: code should be clang-formatted", done.stderr, re.M)))
    if where or done.returncode:
        raise Failed("\n".join(where) + f"\nmend with: {tool} -i " + " ".join(where) if where else done.stderr)


def headers_digest():
    digest = hashlib.sha256()
    for path in c_files(r"\.(h|def)$") + [".clang-tidy"]:
        with open(os.path.join(TOP, path), "rb") as f:
            digest.update(path.encode() + f.read())
    return digest.hexdigest()


def venus_flags():
    """Where the renderer's headers are; generated ones are not ours to lint."""
    return [w.replace("-Ibuild/gen/venus", "-isystembuild/gen/venus") for w in make_variable("venus_incs")]


def tidy_flags():
    """directory -> compiler flags, as the Makefile would give them."""
    include = make_variable("includes")
    shared = ["-std=gnu17", "-D_GNU_SOURCE"] + include
    target = ["--target=aarch64-linux-gnu", "-nostdlibinc", "-ffreestanding", "-mgeneral-regs-only"]
    kernel = ["-std=gnu17"] + make_variable("a64_kernel_incs") + target
    host = make_variable("host_incs")
    return {"virtio": ["-std=gnu17"] + include + target, "kernel": kernel,
            "kernel/arch/host": ["-std=gnu17", "-D_GNU_SOURCE"] + host, "tests": shared + host, "examples": shared,
            "device": shared, "tools/vitrine": shared, "venus": shared + venus_flags()}


def flags_for(path, by_directory):
    best = max((d for d in by_directory if path.startswith(d + "/")), key=len)
    name = os.path.splitext(os.path.basename(path))[0]
    extra = make_variable(f"{name}_incs") if path.startswith("tests/") else []
    if path.startswith("tests/") and name.startswith(("venus_", "vulkan_")):
        extra = extra + venus_flags()
    return by_directory[best] + extra


def tidy_one(tool, path, flags, headers, cache):
    """Runs the linter on one file unless the same file, headers and flags passed before."""
    with open(os.path.join(TOP, path), "rb") as f:
        key = hashlib.sha256(f.read() + repr((path, flags, headers)).encode()).hexdigest()
    mark = os.path.join(cache, key)
    if os.path.exists(mark):
        return None
    try:
        run_program([tool, "--quiet", path, "--"] + flags, what=path)
    except Failed as e:
        lines = [s for s in str(e).splitlines() if "warnings generated" not in s and "Suppressed" not in s]
        return "\n".join(lines)
    with open(mark, "w", encoding="ascii"):
        return None


def check_tidy(paths=None):
    tool, headers, by_directory = pinned("clang-tidy"), headers_digest(), tidy_flags()
    cache = os.path.join(TOP, "build/tidy")
    os.makedirs(cache, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [pool.submit(tidy_one, tool, p, flags_for(p, by_directory), headers, cache)
                for p in paths or c_files() if p.endswith(".c")]
        problems = [job.result() for job in jobs]
    problems = [p for p in problems if p]
    if problems:
        raise Failed("\n".join(problems[:12]) + (f"\n... and {len(problems) - 12} more files" if len(problems) > 12 else ""))


CPPCHECK_QUIET = (
    "missingInclude", "unknownMacro",
    # "Either this condition is redundant or ...", a guess from a defensive test; differences of linker symbols.
    "arrayIndexOutOfBoundsCond", "zerodivcond", "nullPointerArithmeticRedundantCheck", "comparePointers",
    "subtractPointers",
    # What gcc's -Wformat and the leak sanitizer see exactly.
    "invalidPrintfArgType_sint", "invalidPrintfArgType_uint", "memleak:tests/*",
    # Newer ones: a test that is out of memory may well crash; how deep a file was searched is no finding.
    "nullPointerArithmeticOutOfMemory:tests/*", "nullPointerOutOfMemory:tests/*", "normalCheckLevelMaxBranches",
    "syntaxError:kernel/arch/aarch64/*",  # variables bound to registers, for inline assembly
)


def check_cppcheck():
    quiet = [f"--suppress={name}" for name in CPPCHECK_QUIET]
    include = [w for w in make_variable("includes") if w.startswith("-I")]
    run_program(
        ["cppcheck", "-q", "--enable=warning,performance,portability", "--inline-suppr", "--error-exitcode=1",
         "--std=c11", "--platform=unix64", "--template={file}:{line}: {severity}: {message} [{id}]", f"-j{os.cpu_count() or 1}"] + quiet
        + include + [d for d in OUR_C if os.path.isdir(os.path.join(TOP, d))], timeout_s=600)


def script(name):
    return lambda: run_program([sys.executable, f"tools/check/{name}.py"], what=f"tools/check/{name}.py")


def check_conformance():
    run_program([sys.executable, "tools/check/conformance.py", "--check"], what="tools/check/conformance.py --check")


def suites():
    return [
        Suite("check.format", "clang-format agrees with every C file", check_format),
        Suite("check.tidy", "clang-tidy finds nothing", check_tidy, alone=True),
        Suite("check.cppcheck", "cppcheck finds nothing", check_cppcheck, alone=True),
        Suite("check.includes", "kernel -> virtio -> abi, and nothing else", script("includes")),
        Suite("check.globals", "the driver library has no writable globals and needs no libc", script("globals")),
        Suite("check.headers", "each public header compiles alone for AArch64, x86-64 and RISC-V", script("headers")),
        Suite("check.spec", "every cited section of VirtIO 1.3 exists", script("spec")),
        Suite("check.conformance", "docs/conformance.md is up to date, and each promise in it has a test", check_conformance),
        Suite("check.words", "no unfinished work, no archive hosts, no overlong files", script("words")),
    ]
