# What the kernel's unit tests link: its portable core on the fake architecture.

kernel_host_all := $(kernel_host_srcs) $(libfdt_srcs)

kernel_fdt_test_srcs := $(kernel_host_all) $(deps)/libfdt/libfdt/fdt_sw.c
kernel_format_test_srcs := $(kernel_host_all)
kernel_log_test_srcs := $(kernel_host_all)
kernel_memory_test_srcs := $(kernel_host_all)
kernel_pci_test_srcs := $(kernel_host_all) $(deps)/libfdt/libfdt/fdt_sw.c kernel/irq/msi.c \
                        $(addprefix kernel/pci/,bars.c host.c irq.c scan.c slots.c)
kernel_shell_test_srcs := $(kernel_host_all)
kernel_time_test_srcs := $(kernel_host_all)

# The kernel's string functions under names of their own, so that the host's stay what they are.
kernel_string_test_srcs := kernel/core/string.c
string_incs := $(foreach f,memmove memcmp memchr strlen strnlen strcmp strncmp strchr strrchr strstr,-D$(f)=own_$(f))
