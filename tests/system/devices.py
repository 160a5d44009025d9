"""Disk, keyboard and tablet through the shell; a device reset beneath its driver, and who is named for it.

conformance: S0-17 S0-18 S0-25 S2-05 S2-12
"""

import os
import re
import time

from .cases import BOOT_TIMEOUT_S, PROMPT, boot, check, expect_in, shell, system

SECTOR_BYTES = 512
VARIANTS = (("mmio2-split", {}), ("mmio2-packed", {"rings": "packed"}), ("mmio1", {"mmio": 1}),
            ("pci", {"bus": "pci"}), ("pci-intx", {"bus": "pci", "extra": ("-machine", "its=off")}))


def disk_sector(guest, sector):
    """A sector as the host's file has it."""
    with open(os.path.join(guest.run_dir, "disk.img"), "rb") as f:
        f.seek(sector * SECTOR_BYTES)
        return f.read(SECTOR_BYTES)


def disk_reads_and_writes(**choices):
    with boot(**choices) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        expect_in(r"vitrine-scratch", shell(guest, "blk info"), "the disk's id")
        expect_in(r"\|Vitrine scratch ", shell(guest, "blk read 0 0"), "the first sector")
        shell(guest, "blk write 0 7 'written by the guest'")
        shell(guest, "blk flush 0")
        want = b"written by the guest".ljust(SECTOR_BYTES, b"\0")
        check(disk_sector(guest, 7) == want, f"the host reads {disk_sector(guest, 7)[:40]!r} in sector 7", guest)
        check(disk_sector(guest, 6) + disk_sector(guest, 8) == bytes(2 * SECTOR_BYTES), "a neighbour sector was written")
        expect_in(r"^blk: ", shell(guest, "blk read 0 99999999"), "a sector beyond the end")
        expect_in(r"\|written by the g\|", shell(guest, "blk read 0 7"), "the sector that was written")


for _name, _choices in VARIANTS:
    system(f"blk.{_name}", f"the guest reads and writes a disk, the host compares ({_name})")(
        lambda c=_choices: disk_reads_and_writes(**c)
    )


def key(guest, code, is_down):
    event = {"type": "key", "data": {"down": is_down, "key": {"type": "qcode", "data": code}}}
    guest.qmp.command("input-send-event", events=[event])


def input_arrives(**choices):
    with boot(**choices) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        info = shell(guest, "input info")
        expect_in(r"Keyboard", info, "the keyboard's name")
        expect_in(r"Tablet", info, "the tablet's name")
        guest.send("input watch 5")
        guest.expect(r"^watching", 5)
        key(guest, "a", True)
        key(guest, "a", False)
        guest.expect(r"key\(1\) code 30 value 1$", 5)
        guest.expect(r"key\(1\) code 30 value 0$", 5)
        for axis, value in (("x", 16384), ("y", 8192)):
            guest.qmp.command("input-send-event", events=[{"type": "abs", "data": {"axis": axis, "value": value}}])
        guest.expect(r"absolute\(3\) code 0 value 16384$", 5)
        guest.expect(r"absolute\(3\) code 1 value 8192$", 5)
        guest.process.stdin.write(b"\x03")
        guest.process.stdin.flush()
        guest.expect(PROMPT, 10)


for _name, _choices in VARIANTS:
    system(f"input.{_name}", f"keys and pointer positions of the host arrive in the guest ({_name})")(
        lambda c=_choices: input_arrives(**c)
    )


# What `trace dump` must print after those commands: each command with its fields, then its response with type and latency.
TRACED = (
    ("blk write 0 7 traced", r"#(\d+) blk request type 1: sector 7, 512 bytes: OUT$", r"#{} blk response status 0 to type 1 after [1-9]\d* ns: OK to OUT$"),
    ("blk read 0 7", r"#(\d+) blk request type 0: sector 7, 512 bytes: IN$", r"#{} blk response status 0 to type 0 after [1-9]\d* ns: OK to IN$"),
    ("blk flush 0", r"#(\d+) blk request type 4: sector 0, 0 bytes: FLUSH$", r"#{} blk response status 0 to type 4 after [1-9]\d* ns: OK to FLUSH$"),
    ("blk info", r"#(\d+) blk request type 8: sector 0, 20 bytes: GET_ID$",
     r'#{} blk response status 0 to type 8 after [1-9]\d* ns: OK to GET_ID, id "vitrine-scratch"$'),
    ("net promisc on", r"#(\d+) net command class 0 command 0: 1 bytes: RX_PROMISC on$",
     r"#{} net control class 0 command 0: ack 0 after [1-9]\d* ns: OK to RX_PROMISC$"),
    ("input led {keyboard} 1 on", r"#(\d+) input status type 17 code 1 value 1: LED 1 = 1$",
     r"#{} input status type 17 code 1 taken after [1-9]\d* ns: LED$"),
)


PRESSED = r"#\d+ input event type 1 code 30 value 1: KEY 30 = 1$"
KEY_TIMEOUT_S = 10


def commands_are_traced(**choices):
    with boot(**choices) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        keyboard = re.search(r'^input (\d+): ".*Keyboard', shell(guest, "input info"), re.M).group(1)
        shell(guest, "trace on")
        for command, _, _ in TRACED:
            shell(guest, command.format(keyboard=keyboard))
        key(guest, "a", True)
        key(guest, "backspace", True)
        dump, deadline = "", time.monotonic() + KEY_TIMEOUT_S
        while not re.search(PRESSED, dump, re.M) and time.monotonic() < deadline:  # the host tells of a key before the guest has it
            dump = shell(guest, "trace dump")
        shell(guest, "trace off")
        for command, request, response in TRACED:
            expect_in(request, dump, f"`{command}` in the trace")
            cookie = re.search(request, dump, re.M).group(1)
            expect_in(response.format(cookie), dump, f"the answer to `{command}`")
            expect_in(rf"#{cookie} virtq add: ", dump, f"`{command}` among what was added")
        expect_in(PRESSED, dump, "the key that was pressed")
        for command, row in (("blk latency", r"^  GET_ID +[1-9]"), ("net latency", r"^  RX_PROMISC +1 "),
                             ("input latency", r"^  LED +1 ")):
            expect_in(row, shell(guest, command), f"the histogram of `{command}`")


for _name, _choices in VARIANTS:
    system(f"trace.{_name}", f"disk, network control and LED commands are in the trace with fields, answer and latency ({_name})")(
        lambda c=_choices: commands_are_traced(**c)
    )


@system("input.shell", "what is typed on the virtio keyboard is a command of the shell")
def keyboard_shell():
    with boot() as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        for code in ("e", "c", "h", "o", "spc", "shift-h", "i", "ret"):
            shift, _, plain = code.rpartition("-")
            if shift:
                key(guest, "shift", True)
            key(guest, plain, True)
            key(guest, plain, False)
            if shift:
                key(guest, "shift", False)
        guest.expect(r"^Hi$", 10)


@system("black-screen", "a second probe that resets the GPU makes the origin's black screen; the library names the culprit")
def black_screen():
    with boot() as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "gpu test")
        check(len(guest.screendump().colours()) == 8, "the bars are not there to begin with", guest)
        gpu = re.search(r"^\s*(\d+)\s+gpu\b", shell(guest, "virtio list"), re.M)
        check(gpu is not None, "`virtio list` shows no gpu", guest)
        expect_in(r"gpu\s+well", shell(guest, "virtio health"), "health before the reset")
        shell(guest, f"virtio reset {gpu.group(1)} second-probe")
        check(len(guest.screendump().colours()) <= 2, "the host still shows the bars after the reset", guest)
        expect_in(r"gpu\s.*second-probe", shell(guest, "virtio health"), "the culprit's name")
        expect_in(r"second-probe", shell(guest, "log"), "the culprit's name in the log")
        shell(guest, "gpu restart")
        shell(guest, "gpu test")
        check(len(guest.screendump().colours()) == 8, "`gpu restart` does not bring the picture back", guest)


@system("gpu-restart", "the GPU is given back and brought up again, with either driver, and no memory is lost")
def gpu_restart():
    with boot() as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        free = r"^\s*free\s+(.*)$"
        before = re.search(free, shell(guest, "mem free"), re.M).group(1)
        for driver in ("simple", "queued") * 5:
            shell(guest, f"gpu restart {driver}")
            expect_in(rf"driver {driver}, state Running", shell(guest, "gpu info"), "the driver asked for")
        shell(guest, "gpu test")
        check(len(guest.screendump().colours()) == 8, "no bars after ten restarts", guest)
        after = re.search(free, shell(guest, "mem free"), re.M).group(1)
        check(before == after, f"free memory was {before}, is {after}", guest)
