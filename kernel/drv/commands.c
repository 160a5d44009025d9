/* The shell commands of the drivers: see commands.h. */
#include "kernel/drv/commands.h"

#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/format.h"

static const struct shell_command commands[] = {
    {"virtio",  "SUBCOMMAND ...",                 "the devices on the virtio bus: list, features, health, reset",
     cmd_virtio                                                                                                            },
    { "gpu",    "SUBCOMMAND ...",                 "the GPU: info, test picture, scanouts, latency, figures",      cmd_gpu  },
    { "blk",    "SUBCOMMAND ...",                 "the disks: info, read, write, flush, latency",                 cmd_blk  },
    { "input",  "[watch [SECONDS]|led N on|off]", "keyboards and tablets",                                        cmd_input},
    { "pci",    "list|all|bind|unbind ...",       "the PCI bus: every function, who drives it and how",
     cmd_pci                                                                                                               },
    { "vulkan", "SUBCOMMAND ...",                 "the host's GPU by Vulkan: info, compute, triangle, cube",
     cmd_vulkan                                                                                                            },
    { "trace",  "on|off|dump|json|clear|info",    "every command to the devices, and its answer",
     cmd_trace                                                                                                             },
};

void
commands_register(void)
{
    shell_register(commands, ARRAY_COUNT(commands));
    subcommand_register("virtio", cmd_virtio_table);
    subcommand_register("gpu", cmd_gpu_table);
    subcommand_register("blk", cmd_blk_table);
    subcommand_register("input", cmd_input_table);
    subcommand_register("pci", cmd_pci_table);
    subcommand_register("vulkan", cmd_vulkan_table);
    subcommand_register("trace", cmd_trace_table);
}

int
command_failed(const struct shell_call *call, enum virtio_err err)
{
    return shell_fail(call, "%s: %s", call->argv[0], virtio_err_text(err));
}

int
command_number(const struct shell_call *call, int idx, uint32_t max, uint32_t *value)
{
    uint64_t number;

    if (parse_u64(call->argv[idx], max, &number) != 0) {
        return shell_fail(call, "%s: \"%s\" is no number from 0 to %u", call->argv[0],
                          call->argv[idx], max);
    }
    *value = (uint32_t)number;
    return 0;
}

static void
print_us(uint64_t ns)
{
    console_print(" %8llu.%llu", (unsigned long long)(ns / 1000),
                  (unsigned long long)(ns % 1000 / 100));
}

void
print_histogram_head(const char *name)
{
    console_print("  %-24s %8s %10s %10s %10s %10s us\n", name, "count", "mean", "median<", "99%<",
                  "max");
}

void
print_histogram(const char *name, const struct virtio_histogram *histogram)
{
    console_print("  %-24s %8llu", name, (unsigned long long)histogram->count);
    print_us(histogram->count == 0 ? 0 : histogram->sum_ns / histogram->count);
    print_us(virtio_histogram_quantile_ns(histogram, 500));
    print_us(virtio_histogram_quantile_ns(histogram, 990));
    print_us(histogram->count == 0 ? 0 : histogram->max_ns);
    console_print("\n");
}
