/*
 * Access to device registers: one load or store of the exact width, in program order with respect to the same device.
 * Little-endian like the CPU. Against ordinary memory (rings, buffers) nothing is ordered; drivers that share memory use their own barriers (virtio/core/barrier.h).
 */
#ifndef KERNEL_CORE_MMIO_H
#define KERNEL_CORE_MMIO_H

#include "kernel/core/base.h"

uint8_t mmio_read8(const volatile void *base, uint32_t offset);
uint16_t mmio_read16(const volatile void *base, uint32_t offset);
uint32_t mmio_read32(const volatile void *base, uint32_t offset);
uint64_t mmio_read64(const volatile void *base, uint32_t offset);
void mmio_write8(volatile void *base, uint32_t offset, uint8_t value);
void mmio_write16(volatile void *base, uint32_t offset, uint16_t value);
void mmio_write32(volatile void *base, uint32_t offset, uint32_t value);
void mmio_write64(volatile void *base, uint32_t offset, uint64_t value);

/* Clear the bits `clear`, then set the bits `set`. Returns: what was written. */
static inline uint32_t
mmio_modify32(volatile void *base, uint32_t offset, uint32_t clear, uint32_t set)
{
    uint32_t value = (mmio_read32(base, offset) & ~clear) | set;

    mmio_write32(base, offset, value);
    return value;
}

#endif
