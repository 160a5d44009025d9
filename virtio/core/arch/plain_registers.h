/*
 * Register accesses by volatile pointers, where any load or store instruction will do.
 */
#ifndef VIRTIO_CORE_ARCH_PLAIN_REGISTERS_H
#define VIRTIO_CORE_ARCH_PLAIN_REGISTERS_H

#include <stdint.h>

#include "virtio/core/shared.h"

static inline uint8_t
virtio_reg_read8(const volatile void *reg)
{
    return *(const volatile uint8_t *)reg;
}

static inline uint16_t
virtio_reg_read16(const volatile void *reg)
{
    return le16_read((const volatile le16 *)reg);
}

static inline uint32_t
virtio_reg_read32(const volatile void *reg)
{
    return le32_read((const volatile le32 *)reg);
}

static inline void
virtio_reg_write8(volatile void *reg, uint8_t value)
{
    *(volatile uint8_t *)reg = value;
}

static inline void
virtio_reg_write16(volatile void *reg, uint16_t value)
{
    le16_write((volatile le16 *)reg, value);
}

static inline void
virtio_reg_write32(volatile void *reg, uint32_t value)
{
    le32_write((volatile le32 *)reg, value);
}

#endif
