/* The fake architecture: see host.h. */
#include "kernel/arch/host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/arch/arch.h"
#include "kernel/core/check.h"
#include "kernel/core/console.h"
#include "kernel/core/errno.h"
#include "kernel/core/mmio.h"
#include "kernel/core/percpu.h"
#include "kernel/core/time.h"
#include "kernel/irq/irq.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/map.h"
#include "kernel/mm/pages.h"

enum {
    CONSOLE_BYTES = 65536,
    HOST_IRQ_COUNT = 128,
};

static struct {
    uint64_t now_ns;
    uint64_t timer_count;
    bool is_masked;
    void (*on_sleep)(void);
    void *memory;
    char console[CONSOLE_BYTES];
    size_t console_length;
    bool is_enabled[HOST_IRQ_COUNT];
    uint32_t pending_irq;
} host = { .timer_count = UINT64_MAX, .pending_irq = IRQ_SPURIOUS };

jmp_buf host_panic_jump;
bool host_is_panic_expected;

/* Before main: what arch_start does on a real CPU. */
__attribute__((constructor)) static void
start(void)
{
    time_init();
    time_set_has_interrupt();
    (void)percpu_add(0);
    percpu_get()->is_online = true;
}

uint64_t
arch_irq_save(void)
{
    bool was_masked = host.is_masked;

    host.is_masked = true;
    return was_masked ? 1 : 0;
}

void
arch_irq_restore(uint64_t irq_state)
{
    host.is_masked = irq_state != 0;
}

void
arch_irq_enable(void)
{
    host.is_masked = false;
}

void
arch_wait_for_irq(void)
{
    host_advance_ns(host.timer_count != UINT64_MAX && host.timer_count > host.now_ns
                        ? host.timer_count - host.now_ns
                        : NS_PER_MS);
    if (host.on_sleep != NULL) {
        host.on_sleep();
    }
}

void
arch_spin_hint(void)
{
    (void)fputs("host: a lock is taken twice\n", stderr);
    abort();
}

uint32_t
arch_cpu_idx(void)
{
    return 0;
}

uint64_t
arch_counter(void)
{
    return host.now_ns;
}

uint64_t
arch_counter_hz(void)
{
    return NS_PER_S;
}

void
arch_timer_set(uint64_t count)
{
    host.timer_count = count;
}

void
arch_trap(void)
{
    if (host_is_panic_expected) {
        host.is_masked = false;
        longjmp(host_panic_jump, 1);
    }
    (void)fprintf(stderr, "host: PANIC: %s\n", panic_message());
    abort();
}

void
arch_halt(void)
{
    abort();
}

int
arch_cpu_start(uint32_t cpu_idx)
{
    (void)cpu_idx;
    return -E_NODEV;
}

int
arch_power_off(void)
{
    return -E_NODEV;
}

int
arch_reset(void)
{
    return -E_NODEV;
}

const char *
arch_symbol(uint64_t address, uint64_t *offset)
{
    (void)address;
    *offset = 0;
    return "?";
}

uint64_t
arch_image(uint64_t *base)
{
    *base = 0;
    return 0;
}

const char *
arch_describe(char *text, size_t size)
{
    (void)snprintf(text, size, "host process");
    return text;
}

void
host_advance_ns(uint64_t duration_ns)
{
    uint64_t end_ns = host.now_ns + duration_ns;

    while (host.timer_count <= end_ns) {
        host.now_ns = host.timer_count > host.now_ns ? host.timer_count : host.now_ns;
        percpu_get()->irq_count++;
        time_interrupt();
    }
    host.now_ns = end_ns;
}

uint64_t
host_timer_count(void)
{
    return host.timer_count;
}

void
host_on_sleep(void (*fn)(void))
{
    host.on_sleep = fn;
}

static void
keep_text(void *ctx, const char *text, size_t bytes)
{
    (void)ctx;
    for (size_t i = 0; i < bytes; i++) {
        if (host.console_length == CONSOLE_BYTES - 1) {
            memmove(host.console, host.console + CONSOLE_BYTES / 2, CONSOLE_BYTES / 2);
            host.console_length -= CONSOLE_BYTES / 2;
        }
        host.console[host.console_length++] = text[i];
    }
    host.console[host.console_length] = '\0';
}

void
host_console_start(void)
{
    static const struct console_ops ops = { .name = "host", .write = keep_text };
    static struct console_sink sink = { .ops = &ops };

    console_remove(&sink);
    console_add(&sink);
    host_console_clear();
}

const char *
host_console(void)
{
    return host.console;
}

void
host_console_clear(void)
{
    host.console_length = 0;
    host.console[0] = '\0';
}

void
host_memory_init(size_t bytes)
{
    enum { PATTERN = 0xa5 };
    struct range_set usable = { 0 };

    free(host.memory);
    host.memory = aligned_alloc(PAGE_BYTES, align_up(bytes, PAGE_BYTES));
    if (host.memory == NULL) {
        abort();
    }
    memset(host.memory, PATTERN, bytes);
    (void)ranges_add(&usable, (uintptr_t)host.memory, bytes);
    (void)pages_init(&usable);
    heap_init();
}

static uint32_t
line_count(void)
{
    return HOST_IRQ_COUNT;
}

static void
init_cpu(void)
{
}

static void
enable(uint32_t irq)
{
    host.is_enabled[irq] = true;
}

static void
disable(uint32_t irq)
{
    host.is_enabled[irq] = false;
}

static void
set_trigger(uint32_t irq, enum irq_trigger trigger)
{
    (void)irq;
    (void)trigger;
}

static uint32_t
acknowledge(void)
{
    uint32_t irq = host.pending_irq;

    host.pending_irq = IRQ_SPURIOUS;
    return irq;
}

static void
finish(uint32_t irq)
{
    (void)irq;
}

static void
raise_self(uint32_t software_irq)
{
    host_irq_raise(software_irq);
}

static uint32_t
check(void (*print)(const char *format, ...))
{
    print("host\n");
    return 0;
}

void
host_irq_init(void)
{
    static const struct irq_controller_ops ops = {
        "host",      line_count,  init_cpu, enable,     disable,
        set_trigger, acknowledge, finish,   raise_self, check,
    };

    if (irq_controller_name() == NULL) {
        irq_set_controller(&ops);
    }
}

void
host_irq_raise(uint32_t irq)
{
    host.pending_irq = irq;
    irq_dispatch();
}

bool
host_irq_is_enabled(uint32_t irq)
{
    return irq < HOST_IRQ_COUNT && host.is_enabled[irq];
}

/* Devices are memory of the test's. */
volatile void *
mmio_map_device(const char *name, uint64_t base, uint64_t bytes)
{
    (void)name;
    (void)bytes;
    return (volatile void *)(uintptr_t)base;
}

const struct map_entry *
map_entry_at(uint32_t idx)
{
    (void)idx;
    return NULL;
}

const char *
map_kind_name(enum map_kind kind)
{
    (void)kind;
    return "?";
}

static uint32_t (*on_mmio_read)(uint64_t address);
static void (*on_mmio_write)(uint64_t address, unsigned width, uint32_t value);

void
host_on_mmio(uint32_t (*read)(uint64_t address),
             void (*write)(uint64_t address, unsigned width, uint32_t value))
{
    on_mmio_read = read;
    on_mmio_write = write;
}

uint32_t
mmio_read32(const volatile void *base, uint32_t offset)
{
    if (on_mmio_read != NULL) {
        return on_mmio_read((uintptr_t)base + offset);
    }
    return *(const volatile uint32_t *)((const volatile char *)base + offset);
}

void
mmio_write32(volatile void *base, uint32_t offset, uint32_t value)
{
    if (on_mmio_write != NULL) {
        on_mmio_write((uintptr_t)base + offset, 4, value);
        return;
    }
    *(volatile uint32_t *)((volatile char *)base + offset) = value;
}

void
mmio_write16(volatile void *base, uint32_t offset, uint16_t value)
{
    if (on_mmio_write != NULL) {
        on_mmio_write((uintptr_t)base + offset, 2, value);
        return;
    }
    *(volatile uint16_t *)((volatile char *)base + offset) = value;
}

void
mmio_write8(volatile void *base, uint32_t offset, uint8_t value)
{
    if (on_mmio_write != NULL) {
        on_mmio_write((uintptr_t)base + offset, 1, value);
        return;
    }
    *((volatile uint8_t *)base + offset) = value;
}
