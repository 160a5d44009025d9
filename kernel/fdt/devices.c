/* The list of devices: see devices.h. */
#include "kernel/fdt/devices.h"

#include <stdarg.h>
#include <string.h>

#include "kernel/core/check.h"
#include "kernel/core/errno.h"
#include "kernel/core/format.h"
#include "kernel/core/log.h"
#include "kernel/mm/heap.h"

enum {
    DEVICE_COUNT_MAX = 256,
};

static struct dt_device *devices[DEVICE_COUNT_MAX];
static uint32_t device_count;

static void
read_device(struct dt_device *device, const struct dt_cursor *node)
{
    const char *compatible = dt_string(node, "compatible");

    device->node = *node;
    device->name = dt_name(node);
    device->compatible = compatible != NULL ? compatible : "";
    device->is_enabled = dt_is_enabled(node);
    while (device->reg_count < DT_DEVICE_REG_COUNT_MAX &&
           dt_reg(node, device->reg_count, &device->regs[device->reg_count]) == 0) {
        device->reg_count++;
    }
    while (device->irq_count < DT_DEVICE_IRQ_COUNT_MAX &&
           dt_irq(node, device->irq_count, &device->irqs[device->irq_count]) == 0) {
        device->irq_count++;
    }
}

/* Devices are nodes with a compatible string, but for the root itself. */
static bool
is_device(const struct dt_cursor *node)
{
    uint32_t bytes;

    return node->depth > 0 && dt_bytes(node, "compatible", &bytes) != NULL;
}

int
dt_devices_init(const void *blob)
{
    struct dt_cursor node;

    device_count = 0;
    for (dt_first(&node, blob); dt_next(&node);) {
        if (!is_device(&node)) {
            continue;
        }
        struct dt_device *device =
            device_count < DEVICE_COUNT_MAX ? kzalloc(sizeof(*device)) : NULL;

        if (device == NULL) {
            log_error("fdt", "no room for more than %u devices", device_count);
            return -E_NOMEM;
        }
        read_device(device, &node);
        devices[device_count++] = device;
    }
    return 0;
}

static bool
does_match(const struct dt_driver *driver, const struct dt_device *device)
{
    for (const char *const *compatible = driver->compatible; *compatible != NULL; compatible++) {
        if (dt_is_compatible(&device->node, *compatible)) {
            return true;
        }
    }
    return false;
}

uint32_t
dt_driver_bind(const struct dt_driver *driver)
{
    uint32_t taken_count = 0;

    for (uint32_t i = 0; i < device_count; i++) {
        struct dt_device *device = devices[i];

        if (!device->is_enabled || device->driver != NULL || !does_match(driver, device)) {
            continue;
        }
        int error = driver->probe(device);
        if (error == 0) {
            device->driver = driver->name;
            taken_count++;
        } else if (error != -E_NODEV) {
            log_error("fdt", "%s: %s: %s", device->name, driver->name, errno_text(error));
        }
    }
    return taken_count;
}

uint32_t
dt_device_count(void)
{
    return device_count;
}

struct dt_device *
dt_device_at(uint32_t idx)
{
    return idx < device_count ? devices[idx] : NULL;
}

struct dt_device *
dt_device_find(const char *compatible, uint32_t *idx)
{
    while (*idx < device_count) {
        struct dt_device *device = devices[(*idx)++];

        if (dt_is_compatible(&device->node, compatible)) {
            return device;
        }
    }
    return NULL;
}

void
dt_device_describe(struct dt_device *device, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_text_va(device->detail, sizeof(device->detail), format, args);
    va_end(args);
}
