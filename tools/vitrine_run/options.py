"""The options of ./run: what they are, how they are explained, what is wrong with wrong ones."""

import argparse
import math
import os
import re
import shutil
import sys

EPILOG = """\
examples:
  ./run                                        an interactive shell on the serial line (help lists its commands)
  ./run --exec 'gpu test' --screenshot t.png   draw the test picture, save what the host shows of it
  ./run --exec 'net up; net ping 10.0.2.2' --rings packed
  ./run --display window                       see the display in a window and type with its keyboard
  ./run --exec 'vulkan cube' --screenshot c.png   Vulkan in the bare kernel, on this machine's own Vulkan
  ./run --exec 'gpu test' --trace t.json       every command on its queues; open t.json in a trace viewer

in the interactive shell:  Ctrl-A X ends QEMU;  Ctrl-A C changes between the shell and QEMU's monitor;  Ctrl-A H helps.

exit status:
  0    every command succeeded (or the interactive shell was left)
  1    a command in the guest failed, or the guest ended before all were run
  2    wrong use of ./run
  3    set-up or build failed
  4    the guest's kernel panicked
  124  time ran out (--timeout)
"""


class TeachingParser(argparse.ArgumentParser):
    """Says what was wrong and what would be right, in one or two lines."""

    def error(self, message):
        sys.stderr.write(f"run: {message}\nrun: './run --help' explains every option\n")
        sys.exit(2)


def make_parser():
    parser = TeachingParser(
        prog="./run", allow_abbrev=False, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Sets up, builds and boots the Vitrine kernel on QEMU, with our own VirtIO drivers.",
    )
    add = parser.add_argument
    add("--exec", metavar="'CMD; CMD'", dest="exec_commands",
        help="run these shell commands (separated by ';' or line ends) in the guest, then power off")
    add("--screenshot", metavar="FILE.png", help="save the virtio-gpu's picture, taken by the host before power-off")
    add("--display", choices=["window", "vnc", "none"], help="where the display is shown (default: window if there is one)")
    add("--smp", type=int, default=1, metavar="N", help="processors given to the guest, 1 to 8 (default 1)")
    add("--memory", type=int, default=512, metavar="MIB", help="memory in MiB, 64 to 4096 (default 512)")
    add("--bus", choices=["mmio", "pci"], default="mmio", help="where the virtio devices are: mmio (default) or pci")
    add("--mmio", type=int, choices=[1, 2], default=2, help="virtio-mmio version: 1 (legacy) or 2 (default)")
    add("--gic", type=int, choices=[2, 3], default=3, help="version of the interrupt controller (default 3)")
    add("--el2", action="store_true", help="start the kernel in EL2 (default: EL1)")
    add("--gpu", choices=["auto", "vitrine", "qemu"], default="auto",
        help="the guest's GPU: vitrine is our own device process, with Vulkan, and needs QEMU 11.1 (brought if need be); qemu is "
             "QEMU's virtio-gpu; auto (default) is ours where it can be had")
    add("--host-driver", metavar="NAME|JSON", help="the host's Vulkan driver for --gpu vitrine (default: what works here)")
    add("--gpu-driver", choices=["queued", "simple"], default="queued",
        help="queued: many commands in flight (default); simple: one at a time, the reference")
    add("--rings", choices=["split", "packed"], default="split", help="virtqueue layout (default split)")
    add("--log", metavar="LEVEL", choices=["error", "warn", "info", "debug", "trace"],
        help="log level: error, warn, info, debug or trace")
    add("--timeout", type=float, metavar="S", help="give up after S seconds (default 60 with --exec, else never)")
    add("--trace", metavar="FILE",
        help="save the guest's trace of commands and queues (Chrome trace JSON), or of frames where FILE ends in .pcapng")
    add("--trace-records", metavar="FILE",
        help="save the same trace as a file of records, for `vitrine trace`; what --gpu vitrine did goes to FILE.host, and what its "
        "renderers did to FILE.host.renderer-1 and so on")
    add("--qemu", metavar="PROGRAM", help="this QEMU (default: the system's; the newest for --gpu vitrine)")
    add("--preset", choices=["strict", "debug"], default="strict", help="how to build: strict (default) or debug")
    add("--yes", action="store_true", help="install missing packages without asking")
    return parser


def _check_ranges(parser, options):
    if not 1 <= options.smp <= 8:
        parser.error(f"--smp {options.smp}: a GICv2 takes 1 to 8 processors; use for example --smp 4")
    if not 64 <= options.memory <= 4096:
        parser.error(f"--memory {options.memory}: use 64 to 4096 (MiB)")
    if options.timeout is not None and not (math.isfinite(options.timeout) and options.timeout > 0):
        parser.error(f"--timeout {options.timeout:g}: use a number of seconds above 0, for example --timeout 30")


def has_desktop():
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def is_interactive():
    """Whether a person sits at both ends of the serial line."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _check_surroundings(parser, options):
    if options.display == "window" and not has_desktop():
        parser.error("--display window: there is no desktop here (neither DISPLAY nor WAYLAND_DISPLAY is set); "
                     "use --display vnc or --display none")
    if options.trace and options.trace_records:
        parser.error("--trace and --trace-records: a run saves one of them, because both come by the serial line")
    for option, path in (("--trace", options.trace), ("--trace-records", options.trace_records)):
        if path and options.exec_commands is None and is_interactive():
            parser.error(f"{option} {path}: the interactive shell has the serial line that a trace comes by; "
                         f"give the commands to trace, for example --exec 'gpu test' {option} {path}")


def _exec_line(text):
    """--exec as the guest's shell wants it: a line end separates commands as ';' does."""
    return "; ".join(line.strip() for line in re.split(r"[\r\n]+", text) if line.strip())


def _check_qemu(parser, program):
    if program is not None and shutil.which(program) is None:
        parser.error(f"--qemu {program}: there is no such program; for example --qemu build/qemu/newest/qemu-system-aarch64")


def _check_output(parser, option, path):
    directory = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.path.isdir(directory):
        parser.error(f"{option} {path}: no file can be written there ({directory} must be a directory)")


def parse(argv):
    """Options of one call, checked; a wrong one ends the program with status 2."""
    parser = make_parser()
    options = parser.parse_args(argv)
    _check_ranges(parser, options)
    _check_qemu(parser, options.qemu)
    _check_surroundings(parser, options)
    if options.bus == "pci" and options.mmio == 1:
        parser.error("--bus pci has no --mmio: the devices are on PCI, by its modern interface; leave out one of the two")
    if options.rings == "packed" and options.mmio == 1:
        parser.error(
            "--rings packed needs --mmio 2: a version 1 (legacy) device cannot offer VIRTIO_F_RING_PACKED, "
            "because legacy drivers negotiate only the first 32 feature bits"
        )
    if options.screenshot is not None and not options.screenshot.endswith(".png"):
        parser.error(f"--screenshot {options.screenshot}: the name must end in .png, for example {options.screenshot}.png")
    for option, path in (("--screenshot", options.screenshot), ("--trace", options.trace), ("--trace-records", options.trace_records)):
        if path is not None:
            _check_output(parser, option, path)
    if options.exec_commands is not None:
        options.exec_commands = _exec_line(options.exec_commands)
    if options.exec_commands is not None and not options.exec_commands.strip(" ;"):
        parser.error("--exec is empty; give shell commands separated by ';', for example --exec 'devices; gpu test'")
    return options
