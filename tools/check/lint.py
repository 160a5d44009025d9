#!/usr/bin/env python3
"""The linter on a few files or directories only, with the flags that ./test gives it.

usage: tools/check/lint.py PATH...        (relative to the root, for example kernel/mm tests/fake/fake_mmio.c)
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from vitrine_test import checks  # noqa: E402
from vitrine_test.suite import Failed, Skipped  # noqa: E402


def main(argv):
    if len(argv) < 2 or argv[1].startswith("-"):
        print(__doc__.strip())
        return 2
    wanted = tuple(os.path.normpath(p) for p in argv[1:])
    paths = [p for p in checks.c_files() if p in wanted or p.startswith(tuple(w + "/" for w in wanted))]
    if not paths:
        print(f"lint: no C file of ours is named by {' '.join(argv[1:])}")
        return 2
    status = 0
    for check in (checks.check_format, checks.check_tidy):
        try:
            check(paths)
        except Failed as e:
            print(e)
            status = 1
        except Skipped as e:
            print(f"{check.__name__}: skipped: {e}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv))
