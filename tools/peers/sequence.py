"""Command sequences out of QEMU's own trace of a virtio-gpu: read, made comparable, laid side by side.

What the device saw is the witness here, not what a driver says that it sent.
"""

import dataclasses
import difflib
import re
from typing import Optional

# QEMU's trace event -> the command's name in VirtIO 1.3 §5.7.6.7, shortened
EVENTS = {
    "virtio_gpu_cmd_get_display_info": "GET_DISPLAY_INFO",
    "virtio_gpu_cmd_get_edid": "GET_EDID",
    "virtio_gpu_cmd_res_create_2d": "RESOURCE_CREATE_2D",
    "virtio_gpu_cmd_res_unref": "RESOURCE_UNREF",
    "virtio_gpu_cmd_res_back_attach": "RESOURCE_ATTACH_BACKING",
    "virtio_gpu_cmd_res_back_detach": "RESOURCE_DETACH_BACKING",
    "virtio_gpu_cmd_set_scanout": "SET_SCANOUT",
    "virtio_gpu_cmd_res_xfer_toh_2d": "TRANSFER_TO_HOST_2D",
    "virtio_gpu_cmd_res_flush": "RESOURCE_FLUSH",
    "virtio_gpu_update_cursor": "UPDATE_CURSOR",
}
ESSENTIAL = ("RESOURCE_CREATE_2D", "RESOURCE_ATTACH_BACKING", "SET_SCANOUT", "TRANSFER_TO_HOST_2D", "RESOURCE_FLUSH")
_LINE = re.compile(r"^(?:\d+@(?P<time>\d+\.\d+):)?(?P<event>virtio_\w+)\s*(?P<rest>.*)$")


@dataclasses.dataclass(frozen=True)
class Step:
    """One command as the device saw it; `resource` counts resources in the order of their creation, from 1."""

    name: str
    resource: Optional[int] = None
    fields: str = ""
    time_s: Optional[float] = None

    def text(self):
        which = f" r{self.resource}" if self.resource else ""
        return f"{self.name}{which}" + (f" {self.fields}" if self.fields else "")

    def key(self):
        """What makes two steps of different drivers the same step."""
        return (self.name, self.resource, self.fields)


def _rectangle(rest):
    found = dict(re.findall(r"\b([whxy]) (\d+)", rest))
    if "w" not in found:
        return ""
    at = f"+{found['x']}+{found['y']}" if "x" in found else ""
    return f"{found['w']}x{found['h']}{at}"


class _Reader:
    """Turns lines into steps; remembers which resource id was created when."""

    def __init__(self):
        self._numbers = {}
        self._created = 0

    def _resource(self, name, rest):
        m = re.search(r"\bres (0x[0-9a-f]+|\d+)", rest)
        if not m or int(m.group(1), 0) == 0:
            return None
        rid = int(m.group(1), 0)
        if name == "RESOURCE_CREATE_2D":
            self._created += 1
            self._numbers[rid] = self._created
        return self._numbers.get(rid)

    def _fields(self, name, rest):
        scanout = re.search(r"\bid (\d+)|\bscanout (\d+)", rest)
        words = [f"scanout {scanout.group(1) or scanout.group(2)}"] if scanout else []
        if name == "SET_SCANOUT" and re.search(r"\bres 0x0\b", rest):
            return " ".join(words + ["off"])
        fmt = re.search(r"\bfmt (0x[0-9a-f]+)", rest)
        words += [f"format {int(fmt.group(1), 0)}"] if fmt else []
        return " ".join(words + ([_rectangle(rest)] if _rectangle(rest) else []))

    def step(self, line):
        m = _LINE.match(line.strip())
        if not m:
            return None
        time_s = float(m.group("time")) if m.group("time") else None
        if m.group("event") == "virtio_set_status":
            value = re.search(r"val (\d+)", m.group("rest"))
            return Step("status", None, value.group(1), time_s) if value else None
        name = EVENTS.get(m.group("event"))
        if not name:
            return None
        rest = m.group("rest")
        return Step(name, self._resource(name, rest), self._fields(name, rest), time_s)


def read(path):
    """Every command of a trace file, in the device's order; status changes of all devices are among them."""
    reader = _Reader()
    with open(path, encoding="utf-8", errors="replace") as f:
        return [s for s in map(reader.step, f) if s]


def commands(steps):
    return [s for s in steps if s.name != "status"]


def first_time(steps, name):
    """When the first command of this name reached the device, in seconds since the epoch; None if never."""
    return next((s.time_s for s in steps if s.name == name), None)


def missing_essential(steps):
    """The first step of the essential order that is not there, for any one resource; None when all are in order."""
    best = 0
    for resource in {s.resource for s in steps if s.resource}:
        at = 0
        for step in steps:
            if at < len(ESSENTIAL) and step.resource == resource and step.name == ESSENTIAL[at]:
                at += 1
        best = max(best, at)
    return ESSENTIAL[best] if best < len(ESSENTIAL) else None


def difference(one, other):
    """The first place where two sequences differ, as a sentence; None when they are equal."""
    for i, (a, b) in enumerate(zip(one, other)):
        if a.key() != b.key():
            return f"command {i + 1} differs: {a.text()} / {b.text()}"
    if len(one) != len(other):
        longer = one if len(one) > len(other) else other
        return f"{len(one)} commands / {len(other)} commands; the first more is {longer[min(len(one), len(other))].text()}"
    return None


def align(columns):
    """Rows of steps (None where a column has none): each column is merged in by its longest runs in common."""
    rows, names = [], []
    for index, column in enumerate(columns):
        column_names = [s.name for s in column]
        merged, merged_names = [], []
        for tag, a0, a1, b0, b1 in difflib.SequenceMatcher(None, names, column_names, False).get_opcodes():
            if tag == "equal":
                merged += [rows[a0 + i] + [column[b0 + i]] for i in range(a1 - a0)]
                merged_names += names[a0:a1]
                continue
            merged += [rows[i] + [None] for i in range(a0, a1)] + [[None] * index + [column[i]] for i in range(b0, b1)]
            merged_names += names[a0:a1] + column_names[b0:b1]
        rows, names = merged, merged_names
    return rows


def table(titles, columns):
    """A Markdown table of aligned columns."""
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for row in align(columns):
        lines.append("| " + " | ".join(f"`{s.text()}`" if s else "" for s in row) + " |")
    return "\n".join(lines)
