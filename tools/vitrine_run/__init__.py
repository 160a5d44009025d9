"""Boots the kernel on QEMU: what ./run, the system tests and the benchmarks share."""
