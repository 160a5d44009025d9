"""Differential tests: what the device is sent by ours, by Linux and by EDK2, from QEMU's own trace events."""
