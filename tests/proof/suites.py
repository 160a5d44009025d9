"""Models (SPIN) and bounded proofs (CBMC), for ./test --long; each leaves a report under build/reports.

conformance: S4-27
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import time

from vitrine_test.suite import TOP, Failed, Skipped, Suite, tail

from . import barriers

sys.path.insert(0, os.path.join(TOP, "tools/peers"))
import machines  # noqa: E402

REPORTS = os.path.join(TOP, "build/reports")
MODEL = "tests/model/notify.pml"
RING_MODEL = "tests/model/ring.pml"
SCHEMES = ("EVENT", "FLAGS", "PACKED")
MUTATIONS = (
    "NO_DRIVER_RECHECK", "NO_DEVICE_RECHECK", "NO_DRIVER_BARRIER", "NO_DEVICE_BARRIER",
    "NO_DRIVER_SLEEP_BARRIER", "NO_DEVICE_SLEEP_BARRIER", "OFF_BY_ONE",
)
RING_MUTATIONS = {
    "IDLE": ("NO_RECHECK", "NO_BARRIER", "NO_CLIENT_BARRIER", "NO_QUIET", "SHORT_QUIET", "FORGETS_LATE", "PLAIN_ALIVE"),
    "AWAIT": ("NO_SURE_LOOK", "PLAIN_AWAITED", "NO_LOCK"),
}

PROOFS = "tests/proof"

# A proof that cannot fail shows nothing: with each of these changes to the library the named proof must fail.
BROKEN_LIBRARIES = (
    ("virtio/core/queue.c", "claim->id >= q->size", "claim->id > q->size", "hostile_proof", "proof_split_survives"),
    ("virtio/core/queue.c", "flight->desc_count == 0", "false", "hostile_proof", "proof_packed_survives"),
    ("virtio/core/queue.c", "written_bytes > flight->writable_bytes", "false", "hostile_proof", "proof_split_survives"),
    ("virtio/core/queue.c", "flight->desc_count = 0;", ";", "hostile_proof", "proof_split_survives"),
    ("virtio/core/queue_format.h", "(uint16_t)(to - event - 1)", "(uint16_t)(to - event)", "index_proof", "proof_event_window"),
    ("virtio/core/packed.c", "next >= q->size", "next > q->size", "index_proof", "proof_packed_advance"),
    ("virtio/core/packed.c", "++q->avail_idx == q->size", "++q->avail_idx > q->size", "index_proof", "proof_packed_step_avail"),
    ("virtio/core/split.c", "distance > q->in_flight_count", "false", "index_proof", "proof_split_see_used"),
    ("virtio/transport/mmio.c", "size_max < VIRTQ_SIZE_MAX ?", "true ?", "mmio_proof", "proof_queue_size_max"),
)


def prover(name):
    """The directory of a fetched prover; Skipped with the reason when it cannot be brought."""
    try:
        machines.fetch(name)
        return machines.require(name)
    except machines.PeerMissing as e:
        raise Skipped(str(e)) from e


def run(command, cwd, timeout_s):
    try:
        done = subprocess.run(command, cwd=cwd, text=True, errors="replace", stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as e:
        raise Failed(f"{command[0]}: no verdict within {timeout_s} s") from e
    return done.returncode, done.stdout


def write_report(name, lines):
    os.makedirs(REPORTS, exist_ok=True)
    path = os.path.join(REPORTS, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    return os.path.relpath(path, TOP)


def explore(spin, model, defines):
    """Searches every state of one variant of the model; gives (errors, states, first complaint)."""
    with tempfile.TemporaryDirectory(prefix="vitrine-model-") as where:
        words = [f"-D{d}" for d in defines]
        status, out = run([os.path.join(spin, "usr/bin/spin"), *words, "-a", os.path.join(TOP, model)], where, 60)
        if status != 0:
            raise Failed(f"spin {' '.join(words)}:\n{tail(out)}")
        status, out = run(["gcc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c"], where, 120)
        if status != 0:
            raise Failed(f"the verifier that spin wrote does not compile:\n{tail(out)}")
        _, out = run(["./pan", "-m200000"], where, 300)
    errors, states = re.search(r"errors: (\d+)", out), re.search(r"^\s*([\d.e+]+) states, stored", out, re.M)
    if not errors or not states or "max search depth too small" in out:
        raise Failed(f"the search of {' '.join(words)} is not complete:\n{tail(out)}")
    complaint = re.search(r"^pan:\d+: (.*)$", out, re.M)
    return int(errors.group(1)), states.group(1), complaint.group(1) if complaint else ""


def variants():
    """(defines, must it fail?)"""
    for scheme in SCHEMES:
        yield (f"SCHEME={scheme}",), False
        yield (f"SCHEME={scheme}", "RING=4", "TOTAL=9"), False
        for mutation in MUTATIONS:
            if not (scheme == "FLAGS" and mutation == "OFF_BY_ONE"):  # no event to compare with
                yield (f"SCHEME={scheme}", mutation), True


def ring_variants():
    for scheme, mutations in RING_MUTATIONS.items():
        yield (f"SCHEME={scheme}",), False
        yield (f"SCHEME={scheme}", "TOTAL=4"), False
        for mutation in mutations:
            yield (f"SCHEME={scheme}", mutation), True


def check_model(model, cases, report):
    spin, lines, wrong = prover("spin"), [f"{model}: every state of each variant", ""], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [(d, must_fail, pool.submit(explore, spin, model, d)) for d, must_fail in cases]
    for defines, must_fail, job in jobs:
        errors, states, complaint = job.result()
        verdict = complaint if errors else "no lost wake-up"
        lines.append(f"{' '.join(defines):<46} {states:>10} states  {verdict}" + ("  (as it must)" if must_fail and errors else ""))
        if bool(errors) != must_fail:
            wrong.append(lines[-1])
    path = write_report(report, lines)
    if wrong:
        raise Failed(f"unexpected verdicts (all in {path}):\n" + "\n".join(wrong))


def proofs_of(name):
    """(function, words of CBMC's loop bounds) of each proof in a file."""
    with open(os.path.join(TOP, PROOFS, name + ".c"), encoding="utf-8") as f:
        text = f.read()
    for m in re.finditer(r"(?:/\*(?P<about>(?:(?!\*/).)*)\*/\s*)?^void\n(?P<name>proof_\w+)\(void\)", text, re.M | re.S):
        bounds = re.search(r"cbmc: unwind (\d+)(?:, ([\w.]+:\d+))?", m.group("about") or "")
        words = ["--unwind", bounds.group(1) if bounds else "4"]
        yield m.group("name"), words + (["--unwindset", bounds.group(2)] if bounds and bounds.group(2) else [])


def prove(cbmc, name, proof, words, first_include=None):
    """Gives (is it proved, seconds, the lines that say what failed)."""
    includes = ([f"-I{first_include}"] if first_include else []) + ["-I.", "-Ivirtio/include"]
    command = [os.path.join(cbmc, "cbmc"), *includes, f"{PROOFS}/{name}.c", "--function", proof, *words]
    start = time.monotonic()
    _, out = run(command + ["--drop-unused-functions", "--slice-formula"], TOP, 900)
    if "VERIFICATION SUCCESSFUL" not in out and "VERIFICATION FAILED" not in out:
        raise Failed(f"cbmc gave no verdict on {name}.c {proof}:\n{tail(out)}")
    failures = [line.strip() for line in out.splitlines() if line.endswith(": FAILURE")]
    return "VERIFICATION SUCCESSFUL" in out, time.monotonic() - start, failures


def prove_file(name):
    cbmc, lines, wrong = prover("cbmc"), [f"{PROOFS}/{name}.c, CBMC", ""], []
    for proof, words in proofs_of(name):
        is_proved, seconds, failures = prove(cbmc, name, proof, words)
        lines.append(f"{proof:<30} {'proved' if is_proved else 'FAILED':<7} {seconds:7.1f} s  {' '.join(words)}")
        if not is_proved:
            wrong += [proof] + ["  " + line for line in failures]
    if len(lines) == 2:
        wrong.append(f"no proofs in {name}.c")
    path = write_report(f"proof-{name}.txt", lines + wrong)
    if wrong:
        raise Failed(f"not proved (see {path}):\n" + "\n".join(wrong))


def refute_one(cbmc, source, old, new, name, proof):
    with open(os.path.join(TOP, source), encoding="utf-8") as f:
        text = f.read()
    if text.count(old) != 1:
        raise Failed(f"{source} has '{old}' {text.count(old)} times; the list of broken libraries is out of date")
    words = dict(proofs_of(name))[proof]
    with tempfile.TemporaryDirectory(prefix="vitrine-proof-") as where:
        target = os.path.join(where, source)
        os.makedirs(os.path.dirname(target))
        with open(target, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))
        return prove(cbmc, name, proof, words, where)


def proofs_can_fail():
    cbmc, lines, wrong = prover("cbmc"), ["Broken libraries, each of which a proof must find", ""], []
    for source, old, new, name, proof in BROKEN_LIBRARIES:
        is_proved, seconds, failures = refute_one(cbmc, source, old, new, name, proof)
        found = "NOT FOUND" if is_proved else failures[-1] if failures else "found"
        lines.append(f"{source}: '{old}' -> '{new}'\n    {proof}, {seconds:.1f} s: {found}")
        if is_proved:
            wrong.append(lines[-1])
    path = write_report("proof-broken-libraries.txt", lines)
    if wrong:
        raise Failed(f"broken code passes a proof (see {path}):\n" + "\n".join(wrong))


def proofs_are_current():
    """Cheap, so in every ./test: the proofs compile with the library as it is, and each broken library can still be made."""
    files = sorted(n for n in os.listdir(os.path.join(TOP, PROOFS)) if n.endswith("_proof.c"))
    for name in files:
        status, out = run(["gcc", "-fsyntax-only", "-std=gnu17", "-Werror=implicit-function-declaration", "-I.",
                           "-Ivirtio/include", f"{PROOFS}/{name}"], TOP, 60)
        if status != 0:
            raise Failed(f"{PROOFS}/{name} does not fit the library any more:\n{tail(out)}")
    for source, old, _, _, proof in BROKEN_LIBRARIES:
        with open(os.path.join(TOP, source), encoding="utf-8") as f:
            count = f.read().count(old)
        if count != 1:
            raise Failed(f"BROKEN_LIBRARIES in {PROOFS}/suites.py, for {proof}: {source} has '{old}' {count} times, not once")


def proof_suites():
    files = sorted(n[:-2] for n in os.listdir(os.path.join(TOP, PROOFS)) if n.endswith("_proof.c"))
    found = [Suite(f"long.proof.{n[:-6]}", f"{PROOFS}/{n}.c holds for the library's own code (CBMC)",
                   lambda n=n: prove_file(n), long_only=True) for n in files]
    found.append(Suite("proof.current", "the proofs fit the library as it is", proofs_are_current))
    return found + [Suite("long.proof.can-fail", "the proofs find libraries that were broken on purpose (CBMC)",
                          proofs_can_fail, long_only=True)]


def suites():
    return proof_suites() + [
        Suite("proof.barriers", "each memory barrier of the library, taken out or weakened, is missed by a test",
              lambda: barriers.barriers_are_missed(write_report)),
        Suite("proof.barrier-instructions", "on each architecture the barriers are instructions that are enough",
              barriers.barriers_are_enough),
        Suite("long.model.notify", "no wake-up is lost, split and packed, and each mutation loses one (SPIN)",
              lambda: check_model(MODEL, variants(), "model-notify.txt"), long_only=True, alone=True),
        Suite("long.model.ring", "no wake-up of a Venus ring is lost, and each mutation loses one (SPIN)",
              lambda: check_model(RING_MODEL, ring_variants(), "model-ring.txt"), long_only=True,
              alone=True),
    ]
