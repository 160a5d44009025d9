/*
 * The list of everything in the device tree that has registers: what `devices` shows and drivers are matched with.
 */
#ifndef KERNEL_FDT_DEVICES_H
#define KERNEL_FDT_DEVICES_H

#include "kernel/core/base.h"
#include "kernel/fdt/tree.h"

enum {
    DT_DEVICE_REG_COUNT_MAX = 4,
    DT_DEVICE_IRQ_COUNT_MAX = 4,
    DT_DEVICE_DETAIL_BYTES = 48,
};

struct dt_device {
    const char *name;       /* "pl011@9000000", within the tree */
    const char *compatible; /* its first string; "" when there is none */
    uint32_t reg_count;
    struct dt_reg regs[DT_DEVICE_REG_COUNT_MAX];
    uint32_t irq_count;
    struct dt_irq irqs[DT_DEVICE_IRQ_COUNT_MAX];
    bool is_enabled;
    bool is_empty;         /* set by the driver of a bus: a slot with nothing in it */
    struct dt_cursor node; /* for what only its driver reads */

    const char *driver;                  /* who drives it; NULL: nobody yet */
    char detail[DT_DEVICE_DETAIL_BYTES]; /* what the driver found, "" at first */
};

/* What takes devices: one for each kind. */
struct dt_driver {
    const char *name;
    const char *const *compatible; /* closed by NULL */

    /*
     * Look at a device with one of these strings, enabled and not driven yet. Returns: 0 when it is driven from now on;
     * -E_NODEV when it is not what it seemed (no message); other errors are logged with both names.
     */
    int (*probe)(struct dt_device *device);
};

/*
 * Build the list. Context: boot, once, after the heap. Returns: 0; -E_NOMEM (the list is cut, logged).
 */
int dt_devices_init(const void *blob);

/* Offer every device to that driver. Context: boot. Returns: how many it took. */
uint32_t dt_driver_bind(const struct dt_driver *driver);

uint32_t dt_device_count(void);

/* Context: any. Returns: NULL past the last one. */
struct dt_device *dt_device_at(uint32_t idx);

/* The first device with that compatible string at or after *idx, which is then one past it. Returns: NULL: none. */
struct dt_device *dt_device_find(const char *compatible, uint32_t *idx);

/* Say what a device turned out to be ("virtio-gpu, version 1"); for `devices`. Cut where longer. */
void dt_device_describe(struct dt_device *device, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
