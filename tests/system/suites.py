"""All system tests, as suites for ./test."""

from . import boots, embedding, frontdoor, graphics  # they register themselves
from .cases import registry

MODULES = (boots, embedding, frontdoor, graphics)


def suites():
    return list(registry)
