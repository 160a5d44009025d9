#!/usr/bin/env python3
"""No marks of unfinished work, no archive's host name, no file over 600 lines. conformance: S0-24"""

import re

from tree import files, read, report

MAX_LINES = 600
SELF = "tools/check/words.py"
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|stub|placeholder|not implemented|unimplemented)\b")
ARCHIVE_HOST = re.compile(r"\b[\w.-]*debian\.(org|net)\b|\b(ftp|deb|archive|mirror)\.[\w-]+\.(org|net|com)\b")


def problems_of(path):
    text = read(path)
    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"{path}:{number}: marks unfinished work: {line.strip()[:100]}"
        if ARCHIVE_HOST.search(line):
            yield f"{path}:{number}: names a package archive; derive it from the machine's own sources"
    count = text.count("\n")
    if count > MAX_LINES and path.endswith((".c", ".h", ".py", ".S")):
        yield f"{path}: {count} lines; a file has at most {MAX_LINES}"


def main():
    paths = files(r"\.(c|h|S|py|sh|mk|def|ld)$|^(run|test|bench|setup|Makefile)$")
    report([p for path in paths if path != SELF for p in problems_of(path)])


if __name__ == "__main__":
    main()
