"""An X server without a screen, and pictures of what is on it; nothing but Xvfb is needed."""

import os
import shutil
import struct
import subprocess
import tempfile
import threading
import time

from vitrine_test.suite import Failed, Skipped

START_S = 20


class Screen:
    """with Screen() as screen: its programs need screen.environment; screen.picture() is what they show now."""

    def __init__(self, side_px=512):
        self._side_px = side_px
        self._process, self._directory, self.environment = None, None, {}

    def __enter__(self):
        if not shutil.which("Xvfb"):
            raise Skipped("Xvfb is not installed")
        self._directory = tempfile.TemporaryDirectory(prefix="vn-screen-")
        read_end, write_end = os.pipe()
        size = f"{self._side_px}x{self._side_px}x24"
        self._process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write_end), "-screen", "0", size, "-nolisten", "tcp", "-noreset", "-fbdir", self._directory.name],
            pass_fds=[write_end], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write_end)
        watchdog = threading.Timer(START_S, self._process.kill)
        watchdog.start()
        with os.fdopen(read_end) as f:
            number = f.readline().strip()
        watchdog.cancel()
        if not number:
            self.__exit__()
            raise Failed("Xvfb does not start")
        self.environment = {"DISPLAY": f":{number}", "MESA_VK_WSI_DEBUG": "sw"}
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._directory.cleanup()

    def picture(self):
        """The pixels of the screen, 4 bytes each: the file is an X window dump of version 7, which the server draws into."""
        with open(os.path.join(self._directory.name, "Xvfb_screen0"), "rb") as f:
            data = f.read()
        words = struct.unpack(">25I", data[:100])  # [0] bytes of the header, [5] height, [12] bytes per line, [19] colours of 12 bytes
        start = words[0] + 12 * words[19]
        return data[start:start + words[5] * words[12]]

    def watch(self, run, every_s=0.004):
        """Runs run() and meanwhile takes pictures; returns those that were different from the one before."""
        seen, done = [self.picture()], threading.Event()

        def look():
            while not done.is_set():
                now = self.picture()
                if now != seen[-1]:
                    seen.append(now)
                time.sleep(every_s)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            run()
        finally:
            done.set()
            thread.join(10)
        return seen


def colours(picture):
    """How many colours a picture has."""
    return len({picture[i:i + 4] for i in range(0, len(picture), 4)})
