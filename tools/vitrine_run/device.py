"""The GPU of a guest: our own device process (vitrine-gpu --vhost-user) where it can be had, else QEMU's.

    with Device(build, host_icd) as device:
        Machine(gpu_socket=device.socket, ...)
        device.picture()

Our device needs vhost-user-test-device-pci, which QEMU has since 11.1.
"""

import array
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from .picture import Picture

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NEWEST = os.path.join(TOP, "build/qemu/newest/qemu-system-aarch64")
OLDEST_VERSION = (11, 1)
VNC_PORTS = range(5900, 5984)
START_S = 10  # until it listens
DRIVER_DIRECTORIES = ("/usr/local/etc", "/usr/local/share", "/etc", "/usr/share")  # as device/drivers.c has them
NO_HOST_DRIVERS = ("virtio_icd", "gfxstream_vk_icd")  # which are guests' drivers
STOP_S = 5
ANSWER_S = 10
LISTENING = 0x10000  # a flag of /proc/net/unix: the socket accepts connections


class DeviceError(Exception):
    """Our device cannot be had, or did not do what it was asked; the message is one or two sentences."""


def qemu_version(program):
    """(11, 1) of a QEMU; (0, 0) of what is none."""
    try:
        text = subprocess.run([program, "--version"], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    except OSError:
        return 0, 0
    found = re.search(r"version (\d+)\.(\d+)", text)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def find_qemu():
    """A QEMU that is new enough: the system's, else that in build/qemu, which is brought if need be.  Raises DeviceError."""
    if shutil.which("qemu-system-aarch64") and qemu_version("qemu-system-aarch64") >= OLDEST_VERSION:
        return "qemu-system-aarch64"
    if not os.path.exists(NEWEST):
        command = [sys.executable, os.path.join(TOP, "tools/setup/newest_qemu.py"), os.path.join(TOP, "build")]
        done = subprocess.run(command, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False)
        reasons = [line for line in done.stderr.splitlines() if line.startswith("setup:")]
        sys.stderr.write("".join(line + "\n" for line in reasons))
    if qemu_version(NEWEST) < OLDEST_VERSION:
        raise DeviceError("QEMU 11.1 is not here and could not be brought")
    return NEWEST


def has_host_driver():
    """Whether the system has a Vulkan driver that could do the work."""
    found = [path for at in DRIVER_DIRECTORIES for path in glob.glob(f"{at}/vulkan/icd.d/*.json")]
    return any(not os.path.basename(path).startswith(NO_HOST_DRIVERS) for path in found)


def find_host_driver():
    """None where the system has a Vulkan driver, else lavapipe's manifest, which is brought if need be.  Raises DeviceError."""
    sys.path.insert(0, os.path.join(TOP, "tools/setup"))
    import vulkan  # noqa: E402  # pylint: disable=import-outside-toplevel
    from apt_private import SetupError  # noqa: E402  # pylint: disable=import-outside-toplevel

    if os.environ.get("VK_DRIVER_FILES") or has_host_driver():
        return None
    try:
        vulkan.ensure(os.path.join(TOP, "build"))
    except SetupError as e:
        raise DeviceError(f"there is no Vulkan driver, and none could be brought ({e})") from e
    icd = vulkan.paths(os.path.join(TOP, "build")).get("lavapipe_icd")
    if icd is None:
        raise DeviceError("there is no Vulkan driver: build/deps/mesa is damaged; delete it, and it is brought anew")
    return icd


def free_vnc_port():
    """The first free one of the ports that VNC programs look at.  Raises DeviceError."""
    for port in VNC_PORTS:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise DeviceError(f"VNC: all ports from {VNC_PORTS.start} to {VNC_PORTS.stop - 1} are taken")


def build_programs():
    """vitrine-gpu and what it starts.  Raises DeviceError."""
    command = ["make", "-s", "-C", TOP, f"-j{os.cpu_count() or 1}", "programs"]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise DeviceError("our device could not be built: " + (done.stdout.strip().splitlines() or ["no reason"])[-1])


def is_listening(path):
    """Whether a Unix socket accepts connections; asked of the kernel, since a connection would count as a front-end."""
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as f:
        rows = [line.split(maxsplit=7) for line in f]
    return any(len(r) == 8 and r[7].strip() == path and int(r[3], 16) & LISTENING for r in rows[1:])


def ask_control(control, request):
    """One request of device/view/control.h.  Returns: the answer; the pixels that came with it.  Raises DeviceError."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(ANSWER_S)
            s.connect(control)
            s.sendall(request.encode() + b"\n")
            data, passed, _, _ = s.recvmsg(1 << 16, socket.CMSG_SPACE(4))
            fds = [array.array("i", part[2][:4])[0] for part in passed]
            while data and not data.endswith(b"\n"):
                more = s.recv(1 << 16)
                data += more
                if not more:
                    break
        answer = json.loads(data)
    except (OSError, ValueError) as e:
        raise DeviceError(f"our device did not answer \"{request}\": {e}") from e
    pixels = b""
    for fd in fds:
        with os.fdopen(fd, "rb") as f:
            f.seek(0)
            pixels = f.read()
    if not answer.get("ok"):
        raise DeviceError(answer.get("error", "our device gave no reason"))
    return answer, pixels


def picture_of(control, scanout=0):
    """What a scanout shows.  Raises DeviceError."""
    answer, pixels = ask_control(control, f"screenshot {scanout}")
    width, height = answer["width_px"], answer["height_px"]
    pixels = pixels[: width * height * 4]  # B, G, R, X in the order of the host's memory
    rgb = bytearray(width * height * 3)
    rgb[0::3], rgb[1::3], rgb[2::3] = pixels[2::4], pixels[1::4], pixels[0::4]
    return Picture(width, height, bytes(rgb))


class Device:
    """Our device process on a socket of its own.  `log`: a path for what it says; None: stderr."""

    def __init__(self, build, host_icd=None, options=(), log=None, environment=None):
        self.directory = tempfile.mkdtemp(prefix="vitrine-gpu-")
        self.socket = os.path.join(self.directory, "gpu")
        self.control = os.path.join(self.directory, "control")
        self.input = os.path.join(self.directory, "input") if "--view" in options else ""  # QEMU's, for the view's keys
        self.log_path = log and os.path.join(self.directory, log)
        driver = ["--host-driver", host_icd] if host_icd else []
        self.words = [os.path.join(build, "bin/vitrine-gpu"), "--vhost-user", self.socket, "--control", self.control, *driver, *options]
        self.words += ["--view-input", self.input] if self.input else []
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    def __enter__(self):
        output = open(self.log_path, "w", encoding="utf-8") if self.log_path else None
        try:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=output or sys.stderr, stderr=subprocess.STDOUT
                                            if output else None, start_new_session=True, env=self.environment)
        except OSError as e:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise DeviceError(f"{self.words[0]}: {e.strerror}") from e
        finally:
            if output:
                output.close()
        deadline = time.monotonic() + START_S
        while not is_listening(self.socket):
            if self.process.poll() is not None or time.monotonic() > deadline:
                said, how = self.log(), self.death() or f"does not listen after {START_S} s"
                self.__exit__()
                raise DeviceError(f"vitrine-gpu {how}" + (f":\n{said}" if said else ""))
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def death(self):
        """How it ended, in words after its name; "" while it runs."""
        status = self.process.poll()
        if status is None:
            return ""
        return f"was ended by signal {-status} ({signal.strsignal(-status)})" if status < 0 else f"ended with status {status}"

    def log(self):
        """What it has said so far, where that is kept."""
        if not self.log_path:
            return ""
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def ask(self, request):
        """As ask_control."""
        return ask_control(self.control, request)

    def picture(self, scanout=0):
        """As picture_of."""
        return picture_of(self.control, scanout)
