"""QMP, QEMU's machine protocol: one command at a time over a Unix socket, events kept for whoever asks."""

import json
import socket
import time


class QmpError(Exception):
    """QEMU refused a command, or the connection went away."""


class Qmp:
    """A connection to a QMP socket; construct it once QEMU has made the socket."""

    def __init__(self, path, timeout_s=5.0):
        self._sock = _connect(path, timeout_s)
        self._file = self._sock.makefile("rw", encoding="utf-8")
        self.events = []
        self._read_message()  # the greeting
        self.command("qmp_capabilities")

    def _read_message(self):
        line = self._file.readline()
        if not line:
            raise QmpError("QEMU closed its QMP connection")
        return json.loads(line)

    def command(self, name, /, timeout_s=10.0, **arguments):
        """Runs one command and gives its return value."""
        self._sock.settimeout(timeout_s)
        request = {"execute": name, "arguments": {k.replace("_", "-"): v for k, v in arguments.items()}}
        try:
            self._file.write(json.dumps(request) + "\n")
            self._file.flush()
            while True:
                reply = self._read_message()
                if "event" in reply:
                    self.events.append(reply)
                elif "error" in reply:
                    raise QmpError(f"{name}: {reply['error']['desc']}")
                else:
                    return reply["return"]
        except OSError as e:
            raise QmpError(f"{name}: {e}") from e

    def wait_event(self, name, timeout_s=None):
        """Waits for one event by name; None when the connection ends or the time is over."""
        for event in self.events:
            if event["event"] == name:
                return event
        self._sock.settimeout(timeout_s)
        try:
            while True:
                message = self._read_message()
                if "event" in message:
                    self.events.append(message)
                if message.get("event") == name:
                    return message
        except (OSError, QmpError, ValueError):
            return None

    def close(self):
        self._sock.close()


def _connect(path, timeout_s):
    deadline = time.monotonic() + timeout_s
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout_s)
            sock.connect(path)
            return sock
        except OSError as e:
            sock.close()
            if time.monotonic() > deadline:
                raise QmpError(f"no QMP connection at {path}: {e}") from e
            time.sleep(0.01)
