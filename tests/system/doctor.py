"""vitrine doctor: each way to a black screen is made on purpose, and the doctor must find that one and no other.

conformance: S0-19
"""

import json
import os
import tempfile

from vitrine_run.guest import Guest
from vitrine_run.machine import Machine

from .cases import BOOT_TIMEOUT_S, PROMPT, boot, check, newest_qemu, run_command, shell, system
from .venus_front import _build_lock, _built, run_vitrine
from .venus_server import REAL, wait_until


def examine(*arguments):
    """What the doctor says: (exit status, its report)."""
    with _build_lock:
        _built("programs")
    status, stdout, stderr = run_vitrine("doctor", "--json", *arguments, programs=REAL)
    check(status in (0, 1), f"vitrine doctor: exit status {status}\n{stdout}{stderr}")
    return status, json.loads(stdout)


def qmp_of(guest):
    return os.path.join(guest.run_dir, "qmp")


def causes(report):
    return [finding["cause"] for finding in report["findings"] if finding["is_cause"]]


def expect_cause(guest, cause, words, *arguments):
    status, report = examine("--qmp", qmp_of(guest), *arguments)
    check(status == 1 and causes(report)[:1] == [cause], f"exit status {status}, {json.dumps(report, indent=1)}", guest)
    check(words in report["verdict"], f"no \"{words}\" in: {report['verdict']}")
    check(all(finding[key] for finding in report["findings"] for key in ("sentence", "seen", "do")), f"something is empty: {report}")


# what is typed, the cause that must come first, words of the verdict
WAYS = (
    ("scanout-off", "gpu break scanout-off", "scanout-off", "Scanout 0 of gpu0 is off"),
    ("outside", "gpu break outside", "outside", "lies outside its resource"),
    ("unbound", "gpu break unbound", "unbound", "has no memory bound to it"),
    ("no-flush", "gpu break no-flush", "no-flush", "Nothing was flushed on gpu0"),
    ("no-notify", "gpu break no-notify", "not-notified", "does not take them"),
    ("black", "gpu break black", "one-colour", "the way to the screen is whole"),
    ("reset", "virtio reset 4 firmware", "reset", "DRIVER_OK of gpu0 is gone"),
)


def find_way(typed, cause, words, **choices):
    with boot(**choices) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        shell(guest, typed)
        expect_cause(guest, cause, words)
        shell(guest, "gpu restart")
        shell(guest, "gpu test")
        status, report = examine("--qmp", qmp_of(guest))
        check(status == 0 and report["is_healthy"], f"after a restart: {json.dumps(report, indent=1)}", guest)


for _name, *_way in WAYS:
    system(f"doctor.{_name}", f"the doctor finds: {_way[2]}")(lambda w=_way: find_way(*w))
    system(f"qemu-newest.doctor.{_name}", f"the doctor finds on the newest QEMU, and does it no harm: {_way[2]}", long_only=True)(
        lambda w=_way: find_way(*w, qemu=newest_qemu())
    )


# machines whose GPU is found elsewhere; of packed rings QEMU tells nothing
MACHINES = (("packed", {"rings": "packed"}), ("pci", {"bus": "pci"}), ("legacy", {"mmio": 1}))


def find_on(choices):
    is_packed, gpu_idx = choices.get("rings") == "packed", "0" if choices.get("bus") == "pci" else "4"
    find_way("gpu break scanout-off", "scanout-off", "Scanout 0 of gpu0 is off", **choices)
    find_way(f"virtio reset {gpu_idx} firmware", "reset", "DRIVER_OK of gpu0 is gone", **choices)
    if not is_packed:
        find_way("gpu break unbound", "unbound", "has no memory bound to it", **choices)
        return
    with boot(**choices) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        status, report = examine("--qmp", qmp_of(guest))
        check(status == 0 and [f["cause"] for f in report["findings"]] == ["not-seen"], f"{report}", guest)


for _name, _choices in MACHINES:
    system(f"doctor.machine.{_name}", f"the doctor finds a scanout off, a resource without memory, a reset on another machine: {_name}")(
        lambda c=_choices: find_on(c)
    )
    system(f"qemu-newest.doctor.machine.{_name}", f"the same on the newest QEMU: {_name}", long_only=True)(
        lambda c=_choices: find_on({**c, "qemu": newest_qemu()})
    )


@system("doctor.healthy", "the doctor finds nothing wrong with a picture, and says which; its text is for people")
def healthy():
    with boot() as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        status, report = examine("--qmp", qmp_of(guest))
        check(status == 0 and "gpu0 head 0 shows a picture of 1280x800" in report["verdict"], f"{report}", guest)
        status, stdout, _ = run_vitrine("doctor", "--qmp", qmp_of(guest), programs=REAL)
        check(status == 0 and stdout.startswith("All is well: "), stdout)
        shell(guest, "gpu break scanout-off")
        status, stdout, _ = run_vitrine("doctor", "--qmp", qmp_of(guest), programs=REAL)
        check(status == 1 and "\n1. " in stdout and "\n   seen: " in stdout and "\n   do:   " in stdout, stdout)


@system("doctor.no-claim", "the doctor finds a GPU that nobody drives: on a paused machine, beside one that is driven, and on PCI")
def no_claim():
    with boot(extra=("-S",)) as guest:
        wait_until(lambda: os.path.exists(qmp_of(guest)), "QEMU's QMP")
        status, report = examine("--qmp", qmp_of(guest))
        check(status == 1 and causes(report) == ["not-running", "no-claim"], f"{report}", guest)
    with boot(extra=("-device", "virtio-gpu-device,id=gpu1")) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        status, report = examine("--qmp", qmp_of(guest))
        found = [(f["cause"], f["is_cause"]) for f in report["findings"]]
        check(found in ([("no-claim", False)], [("wrong-display", True)]), f"{report}", guest)
    with boot(extra=("-netdev", "user,id=net1", "-device", "virtio-net-device,netdev=net1")) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        check(examine("--qmp", qmp_of(guest))[0] == 0, "another device more makes the screen no blacker")


@system("doctor.wrong-display", "the doctor finds the picture on another display than the first one")
def wrong_display():
    class TwoHeads(Machine):
        def qemu_command(self, run_dir, serial):
            return [word.replace("id=gpu0,", "id=gpu0,max_outputs=2,") for word in super().qemu_command(run_dir, serial)]

    with Guest(TwoHeads()) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu break scanout-off")
        shell(guest, "gpu display 640 480 direct 1")
        shell(guest, "gpu test")
        expect_cause(guest, "wrong-display", "gpu0 head 1 has a picture")


@system("doctor.who", "with the guest's records the doctor tells who reset the device")
def who():
    with tempfile.TemporaryDirectory(prefix="vitrine-test-") as where:
        path = os.path.join(where, "guest")
        status, _, stderr = run_command("--exec", "gpu test; virtio reset 4 bootloader", "--trace-records", path)
        check(status == 0, stderr)
        with boot() as guest:
            guest.expect(PROMPT, BOOT_TIMEOUT_S)
            shell(guest, "gpu test")
            shell(guest, "virtio reset 4 bootloader")
            expect_cause(guest, "reset", '"bootloader" reset the device', "--guest-records", path)


@system("doctor.cannot-look", "the doctor says in one line where it could not look, and ends with 3")
def cannot_look():
    with _build_lock:
        _built("programs")
    for arguments, expected in (
        (("--qmp", "/no/such"), 3), (("--control", "/no/such"), 3), ((), 2), (("--qmp",), 2), (("--qmp", "s", "more"), 2),
    ):
        status, _, stderr = run_vitrine("doctor", *arguments, programs=REAL)
        check(status == expected and stderr.count("\n") == 1 and "vitrine doctor" in stderr, f"{arguments}: {status}\n{stderr}")
    with boot() as guest:
        check(guest.qmp is not None, "somebody else is QMP's one client")
        status, _, stderr = run_vitrine("doctor", "--qmp", qmp_of(guest), programs=REAL)
        check(status == 3 and "one client of a QMP socket at a time" in stderr, f"{status}\n{stderr}")
