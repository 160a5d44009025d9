/* The driver library under this kernel: see virtio_bus.h. */
#include "kernel/drv/virtio_bus.h"

#include <string.h>

#include "kernel/arch/arch.h"
#include "kernel/core/check.h"
#include "kernel/core/errno.h"
#include "kernel/core/log.h"
#include "kernel/core/percpu.h"
#include "kernel/core/time.h"
#include "kernel/drv/virtio_pci.h"
#include "kernel/fdt/devices.h"
#include "kernel/irq/irq.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/map.h"
#include "kernel/mm/pages.h"

/* A wait of the library sleeps this long at most: what it waits for may come without an interrupt (a reset). */
#define RELAX_NS (200 * NS_PER_US)

static struct virtio_bus bus;
static struct virtio_trace trace;
static struct dt_irq wirings[VIRTIO_BUS_DEVICES_MAX]; /* by the device's index; irq 0: none */
static struct trace_record *records;
static uint64_t ring_features;
static uint64_t relax_seen_irqs;

static volatile void *
plat_map(void *ctx, uint64_t phys, size_t size)
{
    (void)ctx;
    return mmio_map_device("virtio", phys, size);
}

static void *
plat_map_cached(void *ctx, uint64_t phys, uint64_t size)
{
    (void)ctx;
    int result = map_add("virtio-shm", phys, size, MAP_DATA);

    if (result != 0) {
        log_error("virtio", "shared memory at 0x%llx: %s", (unsigned long long)phys,
                  errno_text(result));
        return NULL;
    }
    return (void *)(uintptr_t)phys;
}

static uint64_t
plat_dma_addr(void *ctx, const volatile void *ptr, size_t bytes)
{
    (void)ctx;
    return dma_address(ptr, bytes);
}

static uint64_t
plat_now_ns(void *ctx)
{
    (void)ctx;
    return time_now_ns();
}

static void
plat_log(void *ctx, enum virtio_log_level level, const char *text, size_t bytes)
{
    (void)ctx;
    int length = (int)bytes;

    switch (level) {
    case VIRTIO_LOG_ERROR: log_error("virtio", "%.*s", length, text); return;
    case VIRTIO_LOG_WARN: log_warn("virtio", "%.*s", length, text); return;
    case VIRTIO_LOG_INFO: log_info("virtio", "%.*s", length, text); return;
    default: log_debug("virtio", "%.*s", length, text); return;
    }
}

/*
 * Sleep until an interrupt. Idle hooks do not run here: one of them may be what is waiting. An interrupt that came since the last
 * call may have brought what the caller has not looked at yet: then return at once.
 */
static void
plat_relax(void *ctx, uint64_t deadline_ns)
{
    (void)ctx;
    struct percpu *cpu = percpu_get();

    if (!time_has_interrupt()) {
        return; /* a broken device tree: nothing would end the sleep */
    }
    time_set_wake(min_u64(deadline_ns, time_deadline_ns(RELAX_NS)));
    uint64_t irq_state = arch_irq_save();
    if (cpu->irq_count == relax_seen_irqs) {
        arch_wait_for_irq();
    }
    arch_irq_restore(irq_state);
    relax_seen_irqs = cpu->irq_count;
}

static const struct virtio_platform platform = {
    .map = plat_map,
    .map_cached = plat_map_cached,
    .dma_addr = plat_dma_addr,
    .now_ns = plat_now_ns,
    .log = plat_log,
    .relax = plat_relax,
};

struct virtio_bus *
virtio_bus_get(void)
{
    return &bus;
}

struct virtio_trace *
virtio_bus_trace(void)
{
    return bus.trace;
}

int
drv_arena(struct virtio_arena *arena, size_t bytes)
{
    *arena = (struct virtio_arena){ .base = dma_alloc(bytes, PAGE_BYTES), .bytes = bytes };
    return arena->base == NULL ? -E_NOMEM : 0;
}

int
drv_interrupt(const struct virtio_device *device, void (*handler)(uint32_t irq, void *ctx),
              void *ctx, const char *name)
{
    const struct dt_irq *wiring = &wirings[device->index];

    if (virtio_pci_has(device)) {
        return virtio_pci_interrupt(device, handler, ctx, name);
    }
    if (wiring->irq == 0) {
        return -E_NODEV;
    }
    int error = irq_register(wiring->irq, (enum irq_trigger)wiring->trigger, handler, ctx, name);
    if (error == 0) {
        /* What was raised before the line was ours is an edge that nobody saw; until it is taken there is no other. */
        uint64_t irq_state = arch_irq_save();
        handler(wiring->irq, ctx);
        arch_irq_restore(irq_state);
    }
    return error;
}

/* dt_driver.probe: every slot is looked at, every device named; which of them are driven is another matter. */
static int
probe_slot(struct dt_device *node)
{
    struct virtio_device *device;

    if (node->reg_count == 0) {
        return -E_INVAL;
    }
    enum virtio_err err = virtio_mmio_probe(&bus, node->regs[0].base, node->regs[0].size, &device);
    if (err == VIRTIO_EMPTY) {
        dt_device_describe(node, "empty slot");
        node->is_empty = true;
        return 0;
    }
    if (err != VIRTIO_OK) {
        dt_device_describe(node, "%s", virtio_err_text(err));
        return errno_from_virtio(err);
    }
    if (node->irq_count > 0) {
        wirings[device->index] = node->irqs[0];
    }
    dt_device_describe(node, "virtio %s (id %u), %s", virtio_device_kind(device->id), device->id,
                       device->ops->name);
    return 0;
}

static const char *const compatible[] = { "virtio,mmio", NULL };

static const struct dt_driver mmio_driver = {
    .name = "virtio-mmio",
    .compatible = compatible,
    .probe = probe_slot,
};

uint64_t
virtio_bus_ring_features(void)
{
    return ring_features;
}

uint32_t
virtio_bus_start(bool is_packed)
{
    ring_features = VIRTIO_FEATURE(VIRTIO_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_F_EVENT_IDX) |
                    VIRTIO_FEATURE(VIRTIO_F_ACCESS_PLATFORM) | VIRTIO_FEATURE(VIRTIO_F_IN_ORDER);
    if (is_packed) {
        ring_features |= VIRTIO_FEATURE(VIRTIO_F_RING_PACKED);
    }
    records = kmalloc(sizeof(*records) * DRV_TRACE_RECORDS);
    bool has_trace = records != NULL &&
                     virtio_trace_init(&trace, &platform, records, DRV_TRACE_RECORDS) == VIRTIO_OK;
    if (!has_trace) {
        log_warn("virtio", "no memory for a trace");
    }
    /* A fixed table of ours with every function in it: nothing of the outside can make this fail. */
    CHECK(virtio_bus_init(&bus, &platform, has_trace ? &trace : NULL) == VIRTIO_OK);
    (void)dt_driver_bind(&mmio_driver);
    virtio_pci_start(&bus);
    return bus.device_count;
}
