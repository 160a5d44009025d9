/*
 * One access to a device register, by the platform's functions where it has them.
 */
#ifndef VIRTIO_TRANSPORT_ACCESS_H
#define VIRTIO_TRANSPORT_ACCESS_H

#include "virtio/core/barrier.h"
#include "virtio/platform.h"

static inline uint32_t
register_read(const struct virtio_platform *plat, const volatile uint8_t *reg, unsigned width)
{
    if (plat->mmio_read != NULL) {
        return (uint32_t)plat->mmio_read(plat->ctx, reg, width);
    }
    switch (width) {
    case 1: return virtio_reg_read8(reg);
    case 2: return virtio_reg_read16(reg);
    default: return virtio_reg_read32(reg);
    }
}

static inline void
register_write(const struct virtio_platform *plat, volatile uint8_t *reg, unsigned width,
               uint32_t value)
{
    if (plat->mmio_write != NULL) {
        plat->mmio_write(plat->ctx, reg, width, value);
        return;
    }
    switch (width) {
    case 1: virtio_reg_write8(reg, (uint8_t)value); break;
    case 2: virtio_reg_write16(reg, (uint16_t)value); break;
    default: virtio_reg_write32(reg, value); break;
    }
}

#endif
