# What the kernel's fuzzers link: its portable core on the fake architecture.

kernel_shell_fuzz_srcs := $(kernel_host_srcs) $(libfdt_srcs)
kernel_fdt_fuzz_srcs := $(kernel_host_srcs) $(libfdt_srcs)
kernel_bootargs_fuzz_srcs := $(kernel_host_srcs) $(libfdt_srcs)
