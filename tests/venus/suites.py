"""All suites of this directory, for ./test."""

from . import fast, long, sanitized


def suites():
    return fast.suites() + long.suites() + sanitized.suites()
