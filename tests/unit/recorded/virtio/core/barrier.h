/*
 * In the place of the library's header of this name: an architecture on which barriers and register accesses are noted.
 */
#ifndef TESTS_UNIT_RECORDED_BARRIER_H
#define TESTS_UNIT_RECORDED_BARRIER_H

#include "virtio/core/arch/plain_atomics.h"

#include "tests/unit/recorded/order_log.h"

static inline void
virtio_store_barrier(void)
{
    order_note(ORDER_STORE_BARRIER, NULL, 0);
}

static inline void
virtio_load_barrier(void)
{
    order_note(ORDER_LOAD_BARRIER, NULL, 0);
}

static inline void
virtio_release_barrier(void)
{
    order_note(ORDER_RELEASE_BARRIER, NULL, 0);
}

static inline void
virtio_full_barrier(void)
{
    order_note(ORDER_FULL_BARRIER, NULL, 0);
}

static inline uint8_t
virtio_reg_read8(const volatile void *reg)
{
    return (uint8_t)order_reg_read(reg, 1);
}

static inline uint16_t
virtio_reg_read16(const volatile void *reg)
{
    return (uint16_t)order_reg_read(reg, 2);
}

static inline uint32_t
virtio_reg_read32(const volatile void *reg)
{
    return order_reg_read(reg, 4);
}

static inline void
virtio_reg_write8(volatile void *reg, uint8_t value)
{
    order_reg_write(reg, 1, value);
}

static inline void
virtio_reg_write16(volatile void *reg, uint16_t value)
{
    order_reg_write(reg, 2, value);
}

static inline void
virtio_reg_write32(volatile void *reg, uint32_t value)
{
    order_reg_write(reg, 4, value);
}

#endif
