"""System tests: the kernel on QEMU, judged from outside (serial line, QMP, host pixels)."""
