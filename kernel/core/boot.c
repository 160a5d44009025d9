/*
 * The order of things, from the architecture's first steps to the shell:
 *
 *   device tree → boot arguments → early console → memory → devices → power, interrupts, timer → drivers → CPUs → services → shell
 */
#include "kernel/core/boot.h"

#include <string.h>

#include "kernel/arch/arch.h"
#include "kernel/arch/drivers.h"
#include "kernel/core/bootargs.h"
#include "kernel/core/check.h"
#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/idle.h"
#include "kernel/core/log.h"
#include "kernel/core/modules.h"
#include "kernel/core/smp.h"
#include "kernel/core/time.h"
#include "kernel/drv/pl011.h"
#include "kernel/fdt/devices.h"
#include "kernel/fdt/platform.h"
#include "kernel/irq/irq.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/map.h"
#include "kernel/mm/pages.h"
#include "kernel/shell/shell.h"

enum {
    TEXT_BYTES = 160,
};

static const void *device_tree;

const void *
boot_dtb(void)
{
    return device_tree;
}

void
boot_power_off(void)
{
    log_info("boot", "power off");
    console_flush();
    int error = arch_power_off();
    log_error("boot", "cannot power off (%s); halted", errno_text(error));
    console_flush();
    arch_halt();
}

void
boot_reset(void)
{
    log_info("boot", "reset");
    console_flush();
    int error = arch_reset();
    log_error("boot", "cannot reset (%s); halted", errno_text(error));
    console_flush();
    arch_halt();
}

static void
read_arguments(const struct dt_chosen *chosen)
{
    struct bootargs args;

    bootargs_parse(chosen->bootargs, &args);
    bootargs_set(&args);
    log_set_level((enum log_level)args.log_level);
    panic_set_poweroff(args.should_power_off_in_panic);
}

/* The console that stdout-path names, else the first PL011. Without one the log still grows in memory. */
static void
start_early_console(const struct dt_chosen *chosen)
{
    struct dt_cursor node;
    const char *path = chosen->stdout_path;

    if (path != NULL && dt_find(&node, device_tree, path) == 0) {
        const char *options = strchr(path, ':');

        if (pl011_start_early(&node, options != NULL ? options + 1 : NULL) == 0) {
            return;
        }
    }
    log_warn("fdt", "stdout-path %s%s%s; taking the first PL011", path != NULL ? "'" : "",
             path != NULL ? path : "",
             path != NULL ? "' names no port that the kernel can drive" : "is missing");
    for (dt_first(&node, device_tree); dt_next(&node);) {
        if (dt_is_enabled(&node) && pl011_start_early(&node, NULL) == 0) {
            return;
        }
    }
}

static void
subtract(struct range_set *set, uint64_t base, uint64_t bytes)
{
    int error = ranges_remove(set, base, bytes);

    if (error != 0) {
        panic("memory is cut into more pieces than the kernel keeps");
    }
}

/* Map RAM read-write, but for what is mapped already (image, device tree) or must not be. */
static void
map_ram(const struct dt_memory *memory)
{
    struct range_set to_map = memory->ram;
    const struct map_entry *entry;

    ranges_trim_to_pages(&to_map);
    subtract(&to_map, 0, PAGE_BYTES); /* where RAM begins at 0: a null pointer must still fault */
    for (uint32_t i = 0; i < memory->unmapped.count; i++) {
        const struct range *range = &memory->unmapped.ranges[i];
        uint64_t base = align_down(range->base, PAGE_BYTES);

        subtract(&to_map, base, align_up(range->end, PAGE_BYTES) - base);
    }
    uint64_t image_base;
    uint64_t image_bytes = arch_image(&image_base);
    subtract(&to_map, image_base, image_bytes);
    for (uint32_t i = 0; (entry = map_entry_at(i)) != NULL; i++) {
        subtract(&to_map, entry->base, entry->bytes);
    }
    for (uint32_t i = 0; i < to_map.count; i++) {
        const struct range *range = &to_map.ranges[i];
        int error = map_add("ram", range->base, range->end - range->base, MAP_DATA);

        if (error != 0) {
            panic("cannot map RAM at 0x%lx: %s", range->base, errno_text(error));
        }
    }
}

static void
start_memory(uint64_t dtb_bytes)
{
    struct dt_memory memory;
    uint64_t image_base;
    uint64_t image_bytes = arch_image(&image_base);

    if (dt_read_memory(device_tree, &memory) != 0) {
        panic("the device tree names no memory");
    }
    map_ram(&memory);
    struct range_set usable = memory.ram;
    subtract(&usable, 0, PAGE_BYTES);
    for (uint32_t i = 0; i < memory.reserved.count; i++) {
        const struct range *range = &memory.reserved.ranges[i];
        subtract(&usable, range->base, range->end - range->base);
    }
    subtract(&usable, image_base, image_bytes);
    subtract(&usable, align_down((uintptr_t)device_tree, PAGE_BYTES),
             align_up((uintptr_t)device_tree % PAGE_BYTES + dtb_bytes, PAGE_BYTES));
    if (pages_init(&usable) != 0) {
        panic("no usable memory");
    }
    heap_init();
    for (uint32_t i = 0; i < memory.ram.count; i++) {
        log_info("memory", "RAM 0x%lx-0x%lx, %lu MiB", memory.ram.ranges[i].base,
                 memory.ram.ranges[i].end - 1,
                 (memory.ram.ranges[i].end - memory.ram.ranges[i].base) >> 20);
    }
    log_info("memory",
             "%lu KiB usable; kernel image at 0x%lx, %lu KiB; device tree at 0x%lx, %lu KiB",
             ranges_bytes(&usable) / 1024, image_base, image_bytes / 1024,
             (uint64_t)(uintptr_t)device_tree, dtb_bytes / 1024);
}

static void
start_devices(void)
{
    (void)dt_devices_init(device_tree);
    for (uint32_t i = 0; arch_drivers[i] != NULL; i++) {
        (void)dt_driver_bind(arch_drivers[i]);
    }
    if (irq_controller_name() == NULL) {
        log_error("boot",
                  "no interrupt controller in the device tree that the kernel can drive; polling");
    } else if (!time_has_interrupt()) {
        log_error("boot", "no timer interrupt in the device tree; polling");
    }
    arch_irq_enable();
    for (uint32_t i = 0; module_drivers[i] != NULL; i++) {
        (void)dt_driver_bind(module_drivers[i]);
    }
    log_info("fdt", "%u devices in the device tree", dt_device_count());
}

/* vitrine.exec: run, report, perhaps hold (for a screenshot from outside), power off. */
static _Noreturn void
run_commands(const struct bootargs *args)
{
    uint64_t deadline_ns;
    uint32_t failed_count = shell_run_line(args->exec);

    /* Who waits for this line may look at the screen next: let it be up to date. */
    console_flush();
    console_print("vitrine: exec done status=%u%s\n", failed_count, args->token_mark);
    deadline_ns = time_deadline_ns(30 * NS_PER_S);
    while (args->should_hold && !time_has_passed(deadline_ns)) {
        int c = console_read();

        if (c == '\n' || c == '\r') {
            break;
        }
        if (c < 0) {
            idle_wait(deadline_ns);
        }
    }
    boot_power_off();
}

/* All but the token: who reads the log must not be able to print what only the kernel may say. */
static void
log_arguments(const char *line)
{
    const struct bootargs *args = bootargs_get();
    const char *rest = line;
    int head_length = 0;

    if (args->token_word != NULL) {
        head_length = (int)(args->token_word - line);
        rest = args->token_word + args->token_word_bytes;
        rest += *rest == ' ' ? 1 : 0;
    }
    log_info("boot", "machine: %s; arguments: '%.*s%s'", dt_model(device_tree), head_length, line,
             rest);
}

void
kernel_main(const void *dtb, uint64_t dtb_bytes)
{
    struct dt_chosen chosen;
    char text[TEXT_BYTES];

    log_info("boot", "Vitrine: %s", arch_describe(text, sizeof(text)));
    if (dtb == NULL || dt_validate(dtb, dtb_bytes) != 0) {
        panic("no usable device tree: the kernel knows no machine");
    }
    device_tree = dtb;
    dt_read_chosen(dtb, &chosen);
    read_arguments(&chosen);
    start_early_console(&chosen);
    log_arguments(chosen.bootargs);
    start_memory(dtb_bytes);
    dt_read_cpus(dtb);
    start_devices();
    map_verify();
    smp_start();
    dt_describe_cpus();
    for (uint32_t i = 0; module_inits[i] != NULL; i++) {
        module_inits[i]();
    }
    log_info("boot", "up after %lu ms", time_now_ns() / NS_PER_MS);
    if (bootargs_get()->exec != NULL) {
        run_commands(bootargs_get());
    }
    shell_interact();
}
