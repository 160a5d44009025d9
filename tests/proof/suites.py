"""Models (SPIN) and bounded proofs (CBMC), for ./test --long; each leaves a report under build/reports."""

import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

from vitrine_test.suite import TOP, Failed, Skipped, Suite, tail

sys.path.insert(0, os.path.join(TOP, "tools/peers"))
import machines  # noqa: E402

REPORTS = os.path.join(TOP, "build/reports")
MODEL = "tests/model/notify.pml"
SCHEMES = ("EVENT", "FLAGS", "PACKED")
MUTATIONS = (
    "NO_DRIVER_RECHECK", "NO_DEVICE_RECHECK", "NO_DRIVER_BARRIER", "NO_DEVICE_BARRIER",
    "NO_DRIVER_SLEEP_BARRIER", "NO_DEVICE_SLEEP_BARRIER", "OFF_BY_ONE",
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


def explore(spin, defines):
    """Searches every state of one variant of the model; gives (errors, states, first complaint)."""
    with tempfile.TemporaryDirectory(prefix="vitrine-model-") as where:
        words = [f"-D{d}" for d in defines]
        status, out = run([os.path.join(spin, "usr/bin/spin"), *words, "-a", os.path.join(TOP, MODEL)], where, 60)
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


def notification_model():
    spin, lines, wrong = prover("spin"), [f"{MODEL}: every state of each variant", ""], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [(d, must_fail, pool.submit(explore, spin, d)) for d, must_fail in variants()]
    for defines, must_fail, job in jobs:
        errors, states, complaint = job.result()
        verdict = complaint if errors else "no lost wake-up"
        lines.append(f"{' '.join(defines):<46} {states:>10} states  {verdict}" + ("  (as it must)" if must_fail and errors else ""))
        if bool(errors) != must_fail:
            wrong.append(lines[-1])
    path = write_report("model-notify.txt", lines)
    if wrong:
        raise Failed(f"unexpected verdicts (all in {path}):\n" + "\n".join(wrong))


def suites():
    return [
        Suite("long.model.notify", "no wake-up is lost, split and packed, and each mutation loses one (SPIN)",
              notification_model, long_only=True, alone=True),
    ]
