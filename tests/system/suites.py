"""All system tests, as suites for ./test."""

from . import (  # they register themselves
    boards, boots, devices, doctor, doctor_device, doctor_linux, embedding, frontdoor, graphics, kernel, network, pci,
    trace_join, typing, venus_exec, venus_front, venus_hostile, vhost_user, vhost_user_plug, view, vulkan,
)
from .cases import registry

MODULES = (boards, boots, devices, doctor, doctor_device, doctor_linux, embedding, frontdoor, graphics, kernel, network, pci,
           trace_join, typing, venus_exec, venus_front, venus_hostile, vhost_user, vhost_user_plug, view, vulkan)


def suites():
    return list(registry)
