"""All system tests, as suites for ./test."""

from . import boots, devices, embedding, frontdoor, graphics, kernel  # they register themselves
from .cases import registry

MODULES = (boots, devices, embedding, frontdoor, graphics, kernel)


def suites():
    return list(registry)
