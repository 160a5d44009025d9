"""vulkaninfo as a tree of lines, and the difference between two of them, each line of it explained by a rule.

A line of vulkaninfo.tsv: which difference (-: only native has it, +: only ours, ~: it has another value), a regular
expression that matches the whole path of the line (PART/PART/NAME), and why that is so.
"""

import os
import re

from vitrine_test.suite import TOP, Failed

RULES = os.path.join(TOP, "tests/venus/vulkaninfo.tsv")
# Lines about this run, not about the driver.
NOISE = re.compile(r"'DISPLAY' environment variable|error: XDG_RUNTIME_DIR")


def is_ruler(line):
    return len(line) > 2 and not line.strip("=-")


def tree(text):
    """path -> value; headings are underlined, what is below them is told by tabs; the device's name stands as DEVICE."""
    name = re.search(r"^\s*deviceName\s*= (.*)$", text, re.M)
    text = text.replace(name.group(1), "DEVICE") if name else text
    lines, found, heads, inner = text.expandtabs(4).splitlines(), {}, ["", ""], []
    for number, line in enumerate(lines):
        bare, depth = line.strip(), len(line) - len(line.lstrip())
        below = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if not bare or is_ruler(bare) or NOISE.search(bare):
            continue
        bare = re.sub(r": count = (\d+)$|: (extension revision \d+)$|:$", r" = \1\2", bare)
        name, _, value = (part.strip() for part in bare.partition(" = "))
        if is_ruler(below):
            level = 0 if below[0] == "=" else 1
            if depth == 0:
                heads, inner = heads[:level] + [name] + ([""] if level == 0 else []), []
                found["/".join(filter(None, heads))] = ""
                continue
        if depth == 0:
            heads[1] = ""  # members of a part stand behind a tab
        inner = [(d, n) for d, n in inner if d < depth]
        path = "/".join(filter(None, heads + [n for _, n in inner] + [name]))
        found[path] = value
        inner.append((depth, name))
    return found


def differences(native, ours):
    """(kind, path, text) for each line that is not in both."""
    found = [("-", p, v) for p, v in native.items() if p not in ours]
    found += [("+", p, v) for p, v in ours.items() if p not in native]
    return found + [("~", p, f"{v} -> {ours[p]}") for p, v in native.items() if p in ours and ours[p] != v]


def rules(path=RULES):
    read = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            parts = line.rstrip("\n").split("\t")
            if line.startswith("#") or not line.strip():
                continue
            if len(parts) != 3 or parts[0].strip("-+~") or not parts[2]:
                raise Failed(f"{path}:{number}: expected 'one or more of -+~<TAB>PATH EXPRESSION<TAB>REASON'")
            read.append((parts[0], re.compile(parts[1]), parts[2]))
    return read


def unexplained(native_text, our_text, known):
    """The differences for which there is no rule."""
    return [d for d in differences(tree(native_text), tree(our_text))
            if not any(d[0] in kinds and pattern.fullmatch(d[1]) for kinds, pattern, _ in known)]


def check(native_text, our_text):
    if len(tree(our_text)) < 500:
        raise Failed(f"vulkaninfo says little:\n{our_text}")
    left = unexplained(native_text, our_text, rules())
    if left:
        raise Failed("differs from the host driver without a rule in tests/venus/vulkaninfo.tsv:\n"
                     + "\n".join(f"{kind} {path} = {value}" for kind, path, value in left))
