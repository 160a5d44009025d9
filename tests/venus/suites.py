"""All suites of this directory, for ./test."""

from . import fast, long


def suites():
    return fast.suites() + long.suites()
