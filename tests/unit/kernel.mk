# What the kernel's unit tests link: its portable core on the fake architecture.

kernel_host_all := $(kernel_host_srcs) $(libfdt_srcs)

kernel_fdt_test_srcs := $(kernel_host_all) $(deps)/libfdt/libfdt/fdt_sw.c
kernel_format_test_srcs := $(kernel_host_all)
kernel_log_test_srcs := $(kernel_host_all)
kernel_memory_test_srcs := $(kernel_host_all)
kernel_shell_test_srcs := $(kernel_host_all)
kernel_time_test_srcs := $(kernel_host_all)
