# The kernel's sources. kernel_srcs also run under host unit tests (with arch/host).

kernel_core_srcs := \
    kernel/core/bootargs.c \
    kernel/core/console.c \
    kernel/core/errno.c \
    kernel/core/format.c \
    kernel/core/idle.c \
    kernel/core/lock.c \
    kernel/core/log.c \
    kernel/core/metrics.c \
    kernel/core/panic.c \
    kernel/core/percpu.c \
    kernel/core/time.c \
    kernel/fdt/devices.c \
    kernel/fdt/platform.c \
    kernel/fdt/tree.c \
    kernel/irq/irq.c \
    kernel/mm/heap.c \
    kernel/mm/pages.c \
    kernel/mm/ranges.c \
    kernel/shell/editor.c \
    kernel/shell/parse.c \
    kernel/shell/shell.c \
    kernel/shell/subcommand.c

kernel_srcs := \
    $(kernel_core_srcs) \
    kernel/core/boot.c \
    kernel/core/modules.c \
    kernel/core/smp.c \
    kernel/core/string.c \
    kernel/drv/blk_dev.c \
    kernel/drv/cmd_blk.c \
    kernel/drv/cmd_gpu.c \
    kernel/drv/cmd_input.c \
    kernel/drv/cmd_pci.c \
    kernel/drv/cmd_trace.c \
    kernel/drv/cmd_virtio.c \
    kernel/drv/cmd_vulkan.c \
    kernel/drv/vulkan_dev.c \
    kernel/vulkan/compute.c \
    kernel/vulkan/picture.c \
    kernel/vulkan/session.c \
    kernel/drv/commands.c \
    kernel/drv/drv.c \
    kernel/drv/gpu_bench.c \
    kernel/drv/gpu_break.c \
    kernel/drv/gpu_cursor.c \
    kernel/drv/gpu_dev.c \
    kernel/drv/input_dev.c \
    kernel/drv/keymap.c \
    kernel/drv/net_dev.c \
    kernel/drv/pl011.c \
    kernel/drv/samples.c \
    kernel/drv/screen.c \
    kernel/drv/virtio_bus.c \
    kernel/drv/virtio_pci.c \
    kernel/irq/msi.c \
    kernel/pci/bars.c \
    kernel/pci/host.c \
    kernel/pci/irq.c \
    kernel/pci/scan.c \
    kernel/pci/slots.c \
    kernel/shell/commands.c \
    kernel/shell/commands_fault.c \
    kernel/shell/commands_log.c \
    kernel/shell/commands_machine.c \
    kernel/shell/commands_memory.c \
    kernel/shell/commands_selftest.c \
    kernel/shell/commands_time.c

kernel_aarch64_srcs := \
    kernel/arch/aarch64/cpu.c \
    kernel/arch/aarch64/drivers.c \
    kernel/arch/aarch64/gic_common.c \
    kernel/arch/aarch64/gicv2.c \
    kernel/arch/aarch64/gicv2m.c \
    kernel/arch/aarch64/gicv3.c \
    kernel/arch/aarch64/head.S \
    kernel/arch/aarch64/its.c \
    kernel/arch/aarch64/mem.S \
    kernel/arch/aarch64/mmio.c \
    kernel/arch/aarch64/mmu.c \
    kernel/arch/aarch64/psci.c \
    kernel/arch/aarch64/symbols.c \
    kernel/arch/aarch64/timer.c \
    kernel/arch/aarch64/trap.c \
    kernel/arch/aarch64/vectors.S

# What host tests and fuzzers link: the portable core, and the architecture that is none.
kernel_host_srcs := \
    $(kernel_core_srcs) \
    kernel/arch/host/fuzz.c \
    kernel/arch/host/host.c \
    kernel/drv/pl011.c

# The kernel brings the few libc headers that it, libfdt and lwIP include; host tests take the host's.
kernel_incs := -isystem kernel/include/libc

kernel_libfdt_srcs := fdt.c fdt_check.c fdt_ro.c fdt_strerror.c

include kernel/net/sources.mk
