"""The kernel's own promises: its shell, its memory, its report of a panic, device trees that are not as expected.

conformance: S2-11 S4-03 S4-08 S4-10 S4-16 S4-17
"""

import json
import os
import subprocess
import tempfile

from vitrine_run.machine import Machine

from .cases import BOOT_TIMEOUT_S, PROMPT, boot, check, exec_status, expect_in, shell, system

WRONG_COMMANDS = (
    "frobnicate", "mem bogus", "mem free map", "log level nosuch", "log filter", "metrics xml", "irq nonsense", "devices nonsense",
    "help nonsense", "cpu 7", "fdt x", "reboot now", "poweroff please", "gpu", "gpu nonsense", "gpu scanout 1 2",
    "gpu scanout a b c d", "net nonsense", "blk nonsense", "input nonsense", "trace nonsense",
    "blk write 0 4294967295 x", "blk read 0 0 0", "blk read 0 4294967295 1", "net send 00", "net ping 10.0.2.2 0",
)


@system("shell.wrong-use", "each wrong command or word is one clear line that begins with its name, and fails")
def wrong_use():
    with boot() as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        for command in WRONG_COMMANDS:
            lines = shell(guest, command).rstrip("\n").removesuffix("vitrine> ").splitlines()
            name = command.split()[0]
            check(len(lines) == 1 and lines[0].startswith(f"{name}:"), f"`{command}` is answered by {lines}")
    failed, output = exec_status(exec_commands="; ".join(c for c in WRONG_COMMANDS if not c.startswith(("reboot", "poweroff"))))
    check(failed == len(WRONG_COMMANDS) - 2, f"status={failed}:\n{output[-3000:]}")


@system("shell.words", "quotes keep words together, ';' separates commands, an empty command is nothing")
def words():
    failed, output = exec_status(exec_commands="echo \"a  b\" c;; echo 'x;y' ; echo")
    check(failed == 0, f"status={failed}")
    expect_in(r"^a  b c$", output, "the quoted words")
    expect_in(r"^x;y$", output, "the quoted semicolon")


@system("shell.reboot", "`reboot` starts the machine anew")
def reboot():
    with boot(no_reboot=False) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        guest.send("reboot")
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        guest.send("poweroff")
        guest.wait_end()


@system("kernel.memory", "no page is writable and executable; the kernel says so and `mem wx` checks it again")
def memory():
    failed, output = exec_status(exec_commands="mem; mem map; mem wx")
    check(failed == 0, f"status={failed}:\n{output[-2000:]}")
    expect_in(r"W\^X holds", output.split("exec=")[-1], "the check's result")
    check("RWX" not in output, "a mapping is writable and executable")


@system("kernel.metrics", "`metrics json` is JSON with the counters of memory, interrupts and log")
def metrics():
    with boot(smp=4) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        text = shell(guest, "metrics json")
        values = json.loads(text[text.index("{") : text.rindex("}") + 1])
        check(values["cpu.online_count"] == 4, f"cpu.online_count is {values['cpu.online_count']}, 4 processors were given")
        for key in ("mem.free_bytes", "heap.in_use_bytes", "log.error_count", "irq.spurious_count"):
            check(key in values, f"there is no {key}")


@system("kernel.quiet-boot", "a boot on the full machine logs no error and no warning")
def quiet_boot():
    with boot(smp=4) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        text = shell(guest, "metrics json")
        values = json.loads(text[text.index("{") : text.rindex("}") + 1])
        check(values["log.error_count"] == 0, "errors were logged", guest)
        check(values["log.warn_count"] == 0, "warnings were logged", guest)


@system("kernel.panic", "`panic` reports registers, a backtrace by name, the memory map and the last log lines, then halts")
def panic_dump():
    with boot(exec_commands="panic") as guest:
        guest.expect(r"^PANIC:", BOOT_TIMEOUT_S)
        for what in (r"x29", r"backtrace", r"kernel_main\+0x", r"last log lines", r"memory map", r"^PANIC: end"):
            guest.expect(what, 10)


# word of `fault`, and what the report must say
FAULTS = (
    ("null", r"address +0x0+8, read: .*null pointer"),
    ("stack", r"guard page, stack overflow"),
    ("write-text", r"write: not permitted .*kernel text"),
    ("write-rodata", r"write: not permitted .*kernel read-only data"),
    ("execute-data", r"fetch: not permitted"),
    ("double-free", r"CHECK failed: .*heap\.c"),
    ("overrun", r"CHECK failed: .*heap\.c"),
    ("wx", r"PANIC: 1 mappings violate W\^X, the first at 0x"),
)


def fault_is_caught(word, report, **choices):
    with boot(exec_commands=f"fault {word}", **choices) as guest:
        guest.expect(r"^PANIC:", BOOT_TIMEOUT_S)
        guest.expect(r"^PANIC: end", 10)
        expect_in(report, guest.output, "the report")
        expect_in(r"^backtrace:\n( +0x[0-9a-f]{16}  .*\n)? +0x[0-9a-f]{16}  \w[\w.]*\+0x", guest.output, "the backtrace")


for _word, _report in FAULTS:
    system(f"fault.{_word}", f"`fault {_word}` is caught, and the report says what it was")(
        lambda w=_word, r=_report: fault_is_caught(w, r)
    )


def edited_device_tree(where, *edits, **choices):
    """QEMU's own device tree for a machine, changed by fdtput calls; gives the options that boot with it."""
    machine = Machine(**choices)
    path = os.path.join(where, "machine.dtb")
    open(os.path.join(where, "disk.img"), "wb").close()
    command = machine.qemu_command(where, "null")
    board = command.index("-M") + 1
    command[board] += f",dumpdtb={path}"
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    for edit in edits:
        subprocess.run(["fdtput", *edit[:-1], path, *edit[-1]], check=True, capture_output=True)
    return ("-dtb", path)


TREES = (
    ("no-stdout", "no stdout-path: the console is found all the same", (("-d", ("/chosen", "stdout-path")),)),
    ("slot-without-reg", "a virtio slot without registers: that one is left out",
     (("-d", ("/virtio_mmio@a003e00", "reg")),)),
    ("slot-without-irq", "a virtio slot without its interrupt", (("-d", ("/virtio_mmio@a003c00", "interrupts")),)),
    ("short-reg", "a reg property cut short", (("-t", "x", ("/virtio_mmio@a003a00", "reg", "0", "a003a00", "0")),)),
    ("uart-without-irq", "no interrupt for the serial port: it is polled", (("-d", ("/pl011@9000000", "interrupts")),)),
    ("no-timer", "no timer node: waits poll", (("-r", ("/timer",)),)),
    ("no-gic", "the interrupt controller disabled: everything polls",
     (("-t", "s", ("/intc@8000000", "status", "disabled")),)),
    ("no-rtc-no-pcie", "devices that are not there", (("-r", ("/pl031@9010000",)), ("-r", ("/pcie@10000000",)))),
    ("no-model", "a tree without a model and without compatible",
     (("-d", ("/", "model")), ("-d", ("/", "compatible")))),
)


def boots_with(edits):
    with tempfile.TemporaryDirectory() as where, boot(extra=edited_device_tree(where, *edits)) as guest:
        guest.expect(PROMPT, BOOT_TIMEOUT_S)
        shell(guest, "devices all")
        check("PANIC" not in guest.output, "the kernel panicked", guest)
        guest.send("poweroff")
        guest.wait_end()


for _name, _about, _edits in TREES:
    system(f"fdt.{_name}", f"boots with a damaged device tree: {_about}")(lambda e=_edits: boots_with(e))
