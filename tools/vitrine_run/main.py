"""./run: set up, build, boot, and either hand over the serial line or run commands and judge them."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zlib

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from vitrine_run import device as device_module  # noqa: E402
from vitrine_run import guest as guest_module  # noqa: E402
from vitrine_run import options as options_module  # noqa: E402
from vitrine_run import picture  # noqa: E402
from vitrine_run.device import Device, DeviceError  # noqa: E402
from vitrine_run.guest import Guest, GuestError  # noqa: E402
from vitrine_run.machine import TOP, Machine  # noqa: E402
from vitrine_run.qmp import Qmp, QmpError  # noqa: E402

OK, COMMAND_FAILED, SETUP_FAILED, PANICKED, TIMED_OUT = 0, 1, 3, 4, 124
TOUR_2D = "devices; gpu info; gpu test"
TOUR_VULKAN = "devices; gpu info; gpu test; vulkan info; vulkan compute; vulkan cube"
DEFAULT_EXEC_TIMEOUT_S = 60.0
LAST_POWEROFF = re.compile(r"(?:(?:^|;)\s*poweroff\s*)+[\s;]*$")
TRACE_BEGIN, TRACE_END = "---TRACE BEGIN---", "---TRACE END---"
RECORD_BYTES = 32  # abi/trace_record.h; the file's header is as long
CAPTURE_SUFFIX = ".pcapng"  # of --trace: frames of the network and nothing else


def say(text):
    print(f"run: {text}", file=sys.stderr, flush=True)


def set_up(options):
    """Brings packages and pinned sources; True when all is there."""
    groups = ["base"]
    if options.display == "window" and options.gpu != "vitrine":
        groups.append("window")
    if options.display != "none" and options.gpu != "qemu":
        groups.append("view")
    command = [os.path.join(TOP, "tools/setup/setup")] + (["--yes"] if options.yes else []) + groups
    return subprocess.run(command, check=False).returncode == 0


def build(preset):
    """Builds the kernel; True on success, else its errors have been shown."""
    command = ["make", "-s", "-C", TOP, f"-j{os.cpu_count() or 1}", f"PRESET={preset}", "kernel"]
    if subprocess.run(command[:1] + ["-q"] + command[1:], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        return True
    say("building the kernel")
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        say("the build failed; its last lines:")
        print("\n".join(done.stdout.splitlines()[-30:]), file=sys.stderr)
    return done.returncode == 0


def image_path(preset):
    return os.path.join(TOP, "build" if preset == "strict" else "build/debug", "aarch64/Image")


def describe(machine, display):
    bus = "virtio-pci" if machine.bus == "pci" else f"virtio-mmio version {machine.mmio}"
    gpu = "our own GPU by vhost-user" if machine.gpu_socket else "QEMU's GPU"
    return (
        f"{machine.smp} CPU, {machine.memory_mib} MiB, GICv{machine.gic}, {bus}, {gpu}, "
        f"{machine.rings} rings, gpu driver {machine.gpu_driver}, display {display}"
    )


def start_device(options, qemu, stack):
    """Our own GPU, started; it ends with `stack`.  Raises DeviceError."""
    if device_module.qemu_version(qemu) < device_module.OLDEST_VERSION:
        raise DeviceError(f"{qemu} is older than QEMU 11.1")
    device_module.build_programs()
    icd = options.host_driver or device_module.find_host_driver()
    way = options.display
    if way == "vnc":
        way = f"vnc:{device_module.free_vnc_port()}"
    view = ["--view", way] if way != "none" else []
    records = ("--trace-records", options.trace_records + ".host") if options.trace_records else ()
    device = stack.enter_context(Device(os.path.join(TOP, "build"), icd, (*view, *records)))
    if options.display == "vnc":
        say(f"display: VNC at 127.0.0.1:{way.removeprefix('vnc:')}")
    return device


def find_device(options, stack):
    """Our own GPU, or None for QEMU's: by --gpu, after a sentence where ours is wanted and cannot be had."""
    if options.gpu == "qemu":
        return None
    try:
        qemu = options.qemu or device_module.find_qemu()
        device = start_device(options, qemu, stack)
    except DeviceError as e:
        if options.gpu == "vitrine":
            raise
        say(f"QEMU's own virtio-gpu, 2D only: {e}; --gpu qemu leaves out this attempt")
        return None
    options.qemu = qemu
    return device


def make_machine(options, commands, device):
    return Machine(
        gpu_socket=device.socket if device else "", input_socket=device.input if device else "",
        image=image_path(options.preset), smp=options.smp, memory_mib=options.memory, gic=options.gic, el2=options.el2,
        bus=options.bus, mmio=options.mmio, rings=options.rings, gpu_driver=options.gpu_driver,
        display="none" if device else options.display,  # QEMU's: a picture of our device is not QEMU's
        exec_commands=commands or "", hold=bool(commands) and bool(options.screenshot),
        bootargs=f"vitrine.log={options.log}" if options.log else "", no_reboot=bool(commands),
        pause_at_shutdown=not commands and bool(options.screenshot), qemu=options.qemu or "qemu-system-aarch64",
    )


def save_screenshot(pic, path):
    picture.write_png(pic, path)
    say(f"screenshot: {path} ({pic.width}x{pic.height}, {len(pic.colours())} colours)")


class Echo:
    """Passes the guest's output on to stdout, line by line; keeps the token and, where asked to, the trace dump out of it."""

    def __init__(self, mark, keeps_trace):
        self._mark, self._keeps_trace = mark, keeps_trace
        self._rest = ""
        self._in_trace = False
        self.trace_lines = []

    def __call__(self, text):
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        for line in lines:
            self._line(line)
        sys.stdout.flush()

    def _line(self, line):
        if self._keeps_trace and line.endswith(TRACE_BEGIN + self._mark):
            self._in_trace, self.trace_lines = True, []
            self._show(line.removesuffix(TRACE_BEGIN + self._mark))
        elif self._in_trace and line == TRACE_END + self._mark:
            self._in_trace = False
        elif self._in_trace:
            self.trace_lines.append(line)
        else:
            print(line.removesuffix(self._mark))

    def _show(self, text):
        if text:
            print(text, flush=True)

    def finish(self):
        if not self._in_trace:
            self._show(self._rest)


def save_frames(echo, path):
    """Writes the capture file that the guest dumped in hexadecimal; True when it was there."""
    try:
        data = bytes.fromhex("".join(echo.trace_lines))
    except ValueError as e:
        data = b""
        say(f"--trace {path}: {e}")
    if not data:
        say(f"--trace {path}: the guest dumped no frames")
        return False
    with open(path, "wb") as f:
        f.write(data)
    say(f"trace: {path} ({len(data)} bytes of frames)")
    return True


def save_records(echo, path):
    """Writes the file of records that the guest dumped in hexadecimal with its checksum; True when it came whole."""
    *lines, last = echo.trace_lines or [""]
    try:
        data = bytes.fromhex("".join(lines))
        is_whole = bool(data) and last == f"crc32 {zlib.crc32(data):08x}"
    except ValueError:
        is_whole = False
    if not is_whole:
        say(f"--trace-records {path}: " + ("the records came damaged over the serial line" if lines else "the guest dumped none"))
        return False
    with open(path, "wb") as f:
        f.write(data)
    say(f"trace: {path} ({len(data) // RECORD_BYTES - 1} records)")
    return True


def save_trace(echo, path):
    """Writes the trace that the guest dumped; True when it was there and is what the file's name says."""
    if path.endswith(CAPTURE_SUFFIX):
        return save_frames(echo, path)
    text = "\n".join(echo.trace_lines)
    try:
        events = json.loads(text)
    except ValueError as e:
        say(f"--trace {path}: the guest's dump is no JSON ({e})")
        return False
    with open(path, "w", encoding="utf-8") as f:
        f.write(text + "\n")
    count = len(events.get("traceEvents", [])) if isinstance(events, dict) else len(events)
    say(f"trace: {path} ({count} events)")
    return True


def watch_exec(guest, options, echo, timeout_s):
    """Follows a guest that runs commands, up to its power-off; gives the exit status of ./run."""
    deadline = time.monotonic() + timeout_s
    m = guest.expect(guest.machine.exec_end, timeout_s)
    if m.group(1) is None:
        tell_panic(options)
        return PANICKED
    status = OK
    if options.screenshot:
        save_screenshot(guest.screendump(), options.screenshot)
        guest.send("")
    guest.wait_end(max(deadline - time.monotonic(), 1.0))
    if options.trace and not save_trace(echo, options.trace):
        status = COMMAND_FAILED
    if options.trace_records and not save_records(echo, options.trace_records):
        status = COMMAND_FAILED
    failed = int(m.group(1))
    if failed:
        say(f"{failed} command{'s' if failed > 1 else ''} failed in the guest")
        status = COMMAND_FAILED
    return status


def tell_panic(options):
    say("the guest's kernel panicked")
    if options.screenshot:
        say(f"--screenshot {options.screenshot}: no picture was taken, because the guest panicked")
    for option, path in (("--trace", options.trace), ("--trace-records", options.trace_records)):
        if path:
            say(f"{option} {path}: no trace was saved, because the guest panicked")


def without_last_poweroff(commands):
    """
    After the commands the guest powers off by itself, and says before how many failed, which it could not after a poweroff
    of ours.  ';' is no command at all: nothing but a poweroff was asked for.
    """
    return LAST_POWEROFF.sub("", commands) or ";"


def run_exec(options, commands, device):
    """Boots, runs the commands without a person, gives the exit status."""
    commands = without_last_poweroff(commands)
    if options.trace:
        dump = "net pcapng" if options.trace.endswith(CAPTURE_SUFFIX) else "trace json"
        commands = f"trace on; {commands}; {dump}"
    if options.trace_records:
        commands = f"trace on; {commands}; trace raw"
    machine = make_machine(options, commands, device)
    timeout_s = options.timeout or DEFAULT_EXEC_TIMEOUT_S
    say(f"booting: {describe(machine, options.display)}")
    echo = Echo(machine.mark, bool(options.trace or options.trace_records))
    try:
        with Guest(machine, on_output=echo, device=device) as guest:
            try:
                return watch_exec(guest, options, echo, timeout_s)
            finally:
                echo.finish()
    except TimeoutError:
        say(f"time ran out after {timeout_s:g} s (--timeout)")
        return TIMED_OUT
    except GuestError as e:
        say("the guest ended before all commands were run" if "exec done" in e.reason else e.reason)
        if e.qemu_errors:
            say(f"QEMU said: {e.qemu_errors}")
        return COMMAND_FAILED
    except (QmpError, DeviceError) as e:
        say(f"screenshot: {e}")
        return COMMAND_FAILED


def screenshot_at_shutdown(process, run_dir, path, device):
    """Waits, beside the interactive shell, for the guest's power-off; takes the picture, then ends QEMU."""
    try:
        qmp = Qmp(os.path.join(run_dir, "qmp"))
        if qmp.wait_event("SHUTDOWN"):
            save_screenshot(device.picture() if device else guest_module.screendump(qmp, run_dir), path)
            qmp.command("quit")
    except (QmpError, DeviceError) as e:
        say(f"screenshot: {e}")
        process.terminate()


def tell_death(device, process):
    """Beside the interactive shell: the guest runs on when our device ends, but a black screen should have a reason."""
    device.process.wait()
    if process.poll() is None:
        say(f"vitrine-gpu {device.death()}: the guest has lost its GPU, and runs on without; Ctrl-A X ends it\r")


def run_interactive(options, device):
    """Gives the serial line to the person at the terminal."""
    machine = make_machine(options, None, device)
    say(f"booting: {describe(machine, options.display)}")
    say("Ctrl-A X ends QEMU; Ctrl-A C changes between the shell and QEMU's monitor")
    run_dir = guest_module.make_run_dir()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the guest's shell
    try:
        process = subprocess.Popen(machine.qemu_command(run_dir, "mon:stdio"))
        if options.display == "vnc" and not device:
            tell_vnc_address(run_dir)
        if device:
            threading.Thread(target=tell_death, args=(device, process), daemon=True).start()
        if options.screenshot:
            arguments = (process, run_dir, options.screenshot, device)
            threading.Thread(target=screenshot_at_shutdown, args=arguments, daemon=True).start()
        return wait_interactive(process, options.timeout)
    finally:
        guest_module.shutil.rmtree(run_dir, ignore_errors=True)


def tell_vnc_address(run_dir):
    qmp = Qmp(os.path.join(run_dir, "qmp"))
    info = qmp.command("query-vnc")
    say(f"display: VNC at {info['host']}:{info['service']}")
    qmp.close()


def wait_interactive(process, timeout_s):
    try:
        process.wait(timeout=timeout_s)
        return OK if process.returncode == 0 else SETUP_FAILED
    except subprocess.TimeoutExpired:
        guest_module.end_process(process)
        say(f"time ran out after {timeout_s:g} s (--timeout)")
        return TIMED_OUT


def boot(options, commands, device):
    if commands is None and options_module.is_interactive():
        return run_interactive(options, device)
    if commands is None:
        commands = TOUR_VULKAN if device else TOUR_2D
        say(f"no terminal here, so this shows a tour: --exec '{commands}'")
    return run_exec(options, commands, device)


def main(argv):
    options = options_module.parse(argv)
    options.display = options.display or ("window" if options_module.has_desktop() else "none")
    if not set_up(options) or not build(options.preset):
        return SETUP_FAILED
    try:
        with contextlib.ExitStack() as stack:
            return boot(options, options.exec_commands, find_device(options, stack))
    except DeviceError as e:
        say(f"--gpu vitrine: {e}")
        return SETUP_FAILED


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: QEMU goes with us
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
