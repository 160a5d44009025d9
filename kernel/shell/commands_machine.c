/* Commands about the machine: devices, fdt, irq, cpu. */
#include <string.h>

#include "kernel/arch/arch.h"
#include "kernel/core/boot.h"
#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/metrics.h"
#include "kernel/core/percpu.h"
#include "kernel/core/time.h"
#include "kernel/fdt/devices.h"
#include "kernel/fdt/platform.h"
#include "kernel/irq/irq.h"
#include "kernel/shell/commands.h"
#include "kernel/shell/shell.h"

static void
print_device(const struct dt_device *device)
{
    const char *state =
        device->driver != NULL ? device->driver : (device->is_enabled ? "-" : "disabled");

    if (device->reg_count > 0) {
        console_print("  0x%010lx %8lx ", device->regs[0].base, device->regs[0].size);
    } else {
        console_print("  %12s %8s ", "-", "-");
    }
    if (device->irq_count > 0) {
        console_print("%4u  ", device->irqs[0].irq);
    } else {
        console_print("%4s  ", "-");
    }
    console_print("%-24s %-22s %-12s %s\n", device->name, device->compatible, state,
                  device->detail);
}

static int
cmd_devices(const struct shell_call *call)
{
    struct dt_device *device;
    uint32_t hidden_count = 0;
    bool should_show_all = call->argc == 2 && strcmp(call->argv[1], "all") == 0;

    if (call->argc > 1 && !should_show_all) {
        return shell_usage(call, "unknown word: %s", call->argv[call->argc - 1]);
    }
    console_print("  %-12s %8s %4s  %-24s %-22s %-12s %s\n", "ADDRESS", "SIZE", "IRQ", "NAME",
                  "COMPATIBLE", "DRIVER", "WHAT");
    for (uint32_t i = 0; (device = dt_device_at(i)) != NULL; i++) {
        if (!should_show_all && device->is_empty) {
            hidden_count++;
        } else {
            print_device(device);
        }
    }
    if (hidden_count > 0) {
        console_print("and %u empty slots; `devices all` lists them too\n", hidden_count);
    }
    return 0;
}

/* One line for each device of interest, as bring-up notes want it. */
static void
summarize(const char *label, const char *compatible)
{
    const struct dt_device *device;
    uint32_t idx = 0;
    uint32_t count = 0;
    const struct dt_device *first = NULL;

    while ((device = dt_device_find(compatible, &idx)) != NULL) {
        first = first == NULL ? device : first;
        count++;
    }
    if (first == NULL) {
        return;
    }
    console_print("  %-8s %s, %s", label, first->name, first->compatible);
    for (uint32_t i = 0; i < first->reg_count; i++) {
        console_print("%s 0x%lx+0x%lx", i == 0 ? ", registers" : ",", first->regs[i].base,
                      first->regs[i].size);
    }
    for (uint32_t i = 0; i < first->irq_count; i++) {
        console_print("%s %u", i == 0 ? ", interrupt" : ",", first->irqs[i].irq);
    }
    if (count > 1) {
        console_print(", and %u more", count - 1);
    }
    console_print("\n");
}

static int
cmd_fdt(const struct shell_call *call)
{
    static const struct {
        const char *label;
        const char *compatible;
    } items[] = {
        {"gic",     "arm,cortex-a15-gic"   },
        { "gic",    "arm,gic-400"          },
        { "gic",    "arm,gic-v3"           },
        { "timer",  "arm,armv8-timer"      },
        { "uart",   "arm,pl011"            },
        { "rtc",    "arm,pl031"            },
        { "psci",   "arm,psci-0.2"         },
        { "pcie",   "pci-host-ecam-generic"},
        { "sdhci",  "brcm,bcm2712-sdhci"   },
        { "flash",  "cfi-flash"            },
        { "virtio", "virtio,mmio"          },
    };
    struct dt_chosen chosen;

    if (call->argc > 1) {
        return shell_usage(call, "takes no words");
    }
    dt_read_chosen(boot_dtb(), &chosen);
    console_print("  %-8s %s\n", "model", dt_model(boot_dtb()));
    console_print("  %-8s %s\n", "console",
                  chosen.stdout_path != NULL ? chosen.stdout_path : "(not named)");
    console_print("  %-8s %u, %u online\n", "cpus", percpu_count(), percpu_online_count());
    for (size_t i = 0; i < ARRAY_COUNT(items); i++) {
        summarize(items[i].label, items[i].compatible);
    }
    return 0;
}

static void
print_lines(void)
{
    const struct irq_line *line;

    console_print("%s, %u lines\n", irq_controller_name(), irq_line_count());
    for (uint32_t i = 0; (line = irq_next_registered(&i)) != NULL; i++) {
        console_print("  %4u  %-20s %10lu\n", i, line->name, line->count);
    }
    console_print("  unhandled %lu, spurious %lu\n", irq_unhandled_count(), irq_spurious_count());
}

static int
cmd_irq(const struct shell_call *call)
{
    uint64_t latency_ns;

    if (irq_controller_name() == NULL) {
        return -E_NODEV;
    }
    if (call->argc == 1) {
        print_lines();
        return 0;
    }
    if (call->argc != 2 || strcmp(call->argv[1], "check") != 0) {
        return shell_usage(call, "unknown word: %s", call->argv[call->argc - 1]);
    }
    int wrong_count = irq_check(console_print);
    int error = irq_self_test(&latency_ns);
    if (error != 0) {
        return shell_fail(call, "the software interrupt does not arrive: %s", errno_text(error));
    }
    console_print("  software interrupt: arrived after %lu ns\n", latency_ns);
    return wrong_count != 0 ? shell_fail(call, "%d settings are wrong", wrong_count) : 0;
}

static int
cmd_cpu(const struct shell_call *call)
{
    char text[160];

    if (call->argc > 1) {
        return shell_usage(call, "takes no words");
    }
    console_print("%s\n", arch_describe(text, sizeof(text)));
    for (uint32_t i = 0; i < percpu_count(); i++) {
        const struct percpu *cpu = percpu_at(i);
        bool is_online = __atomic_load_n(&cpu->is_online, __ATOMIC_ACQUIRE);

        console_print("  cpu%u  id 0x%lx  %-7s  %lu interrupts%s\n", i, cpu->hw_id,
                      is_online ? "online" : "offline", cpu->irq_count,
                      i == arch_cpu_idx() ? "  (this one)" : "");
    }
    return 0;
}

static void
emit_cpus(struct metrics_reader *reader)
{
    metrics_emit(reader, time_now_ns(), "time.up_ns");
    metrics_emit(reader, arch_counter_hz(), "time.counter_hz");
    metrics_emit(reader, time_timer_count(), "time.timer_count");
    metrics_emit(reader, percpu_count(), "cpu.count");
    metrics_emit(reader, percpu_online_count(), "cpu.online_count");
    for (uint32_t i = 0; i < percpu_count(); i++) {
        metrics_emit(reader, percpu_at(i)->irq_count, "cpu%u.irq_count", i);
    }
}

static void
emit_irqs(struct metrics_reader *reader)
{
    const struct irq_line *line;

    metrics_emit(reader, irq_unhandled_count(), "irq.unhandled_count");
    metrics_emit(reader, irq_spurious_count(), "irq.spurious_count");
    for (uint32_t i = 0; (line = irq_next_registered(&i)) != NULL; i++) {
        metrics_emit(reader, line->count, "irq.%u.%s_count", i, line->name);
    }
    metrics_emit(reader, dt_device_count(), "fdt.device_count");
}

static const struct shell_command commands[] = {
    {"devices", "[all]",   "every device of the device tree, known or not", cmd_devices},
    { "fdt",    "",        "what the device tree says, in short",           cmd_fdt    },
    { "irq",    "[check]", "interrupts by line; check the controller",      cmd_irq    },
    { "cpu",    "",        "the CPUs",                                      cmd_cpu    },
};

static struct metrics_source cpu_source = { .emit = emit_cpus };
static struct metrics_source irq_source = { .emit = emit_irqs };

void
commands_machine_init(void)
{
    shell_register(commands, ARRAY_COUNT(commands));
    metrics_register(&cpu_source);
    metrics_register(&irq_source);
}
