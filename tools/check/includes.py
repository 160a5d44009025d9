#!/usr/bin/env python3
"""The include law: kernel -> public headers of virtio -> abi; device -> venus.h, abi; venus -> Vulkan, abi; virtio/ needs no libc header."""

import os
import re

from tree import TOP, files, read, report

FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h", "limits.h", "stdnoreturn.h", "stdalign.h"}
PUBLIC = "virtio/include/"
VENUS = "venus/include/"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(?:"([^"]+)"|<([^>]+)>)', re.M)

# directory -> which of our directories it may include from
LAW = (
    ("abi/", ("abi/",)),
    (PUBLIC, ("abi/", PUBLIC, "virtio/trace.def")),
    ("virtio/venus/", ("abi/", "virtio/", "build/gen/vvk_commands.h")),
    ("virtio/", ("abi/", "virtio/")),
    ("kernel/", ("abi/", PUBLIC, "kernel/", "build/gen/")),
    (VENUS, (VENUS,)),
    ("venus/", ("abi/", "venus/", "build/gen/")),
    ("device/", ("abi/", VENUS, "device/")),
    ("tools/view/", ("abi/", PUBLIC, "device/", "tools/view/")),
    ("tools/vitrine/", ("abi/", PUBLIC, VENUS + "venus/trace.def", "virtio/trace.def", "build/gen/", "device/", "tools/vitrine/")),
    ("examples/", ("abi/", PUBLIC, "examples/")),
    ("tests/", ("abi/", "virtio/", "kernel/", "device/", "venus/", "tools/view/", "tools/vitrine/", "tests/", "build/gen/")),
)


def resolve(name, where):
    """Root-relative path of an included file of ours, or None."""
    for base in ("", PUBLIC, VENUS, "build/gen/", "build/gen/venus/", os.path.dirname(where) + "/"):
        if os.path.isfile(os.path.join(TOP, base + name)):
            return base + name
    return None


def check_quoted(path, name, allowed):
    target = resolve(name, path)
    if target is None:
        return f'{path}: "{name}" is not there (paths are relative to the root or to {PUBLIC})'
    if not target.startswith(allowed):
        return f'{path}: may not include "{name}"; from here only {", ".join(allowed)}'
    return None


def check_file(path, allowed):
    for m in INCLUDE.finditer(read(path)):
        if m.group(1) and m.group(1) != "libfdt.h" and not m.group(1).startswith(("lwip/", "netif/")):
            yield check_quoted(path, m.group(1), allowed)
        elif m.group(2) and path.startswith(("abi/", "virtio/")) and m.group(2) not in FREESTANDING:
            yield f"{path}: <{m.group(2)}> is not one of the freestanding headers ({', '.join(sorted(FREESTANDING))})"


def main():
    problems = []
    for path in files(r"\.([chS]|def)$", *[d for d in ("abi", "virtio", "kernel", "venus", "device", "tools/view", "tools/vitrine", "examples", "tests") if
                                          os.path.isdir(os.path.join(TOP, d))]):
        allowed = next(targets for prefix, targets in LAW if path.startswith(prefix))
        problems += [p for p in check_file(path, allowed) if p]
    report(problems)


if __name__ == "__main__":
    main()
