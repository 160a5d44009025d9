/*
 * AArch64. The outer shareable domain holds the devices; Arm ARM B2.3 (DMB also orders accesses to Device memory).
 * Register accesses are plain LDR and STR: with an index writeback, a trap into a hypervisor cannot be decoded.
 */
#ifndef VIRTIO_CORE_ARCH_AARCH64_H
#define VIRTIO_CORE_ARCH_AARCH64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/endian.h"

static inline void
virtio_store_barrier(void)
{
    __asm__ volatile("dmb oshst" ::: "memory");
}

static inline void
virtio_load_barrier(void)
{
    __asm__ volatile("dmb oshld" ::: "memory");
}

/* Two, each cheaper than DMB OSH: nothing waits here for a store before a load. */
static inline void
virtio_release_barrier(void)
{
    __asm__ volatile("dmb oshld\n\tdmb oshst" ::: "memory");
}

static inline void
virtio_full_barrier(void)
{
    __asm__ volatile("dmb osh" ::: "memory");
}

static inline uint8_t
virtio_reg_read8(const volatile void *reg)
{
    uint32_t value;
    __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(reg) : "memory");
    return (uint8_t)value;
}

static inline uint16_t
virtio_reg_read16(const volatile void *reg)
{
    uint32_t value;
    __asm__ volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(reg) : "memory");
    return le16_get((le16){ (uint16_t)value });
}

static inline uint32_t
virtio_reg_read32(const volatile void *reg)
{
    uint32_t value;
    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(reg) : "memory");
    return le32_get((le32){ value });
}

static inline void
virtio_reg_write8(volatile void *reg, uint8_t value)
{
    __asm__ volatile("strb %w0, [%1]" ::"r"((uint32_t)value), "r"(reg) : "memory");
}

static inline void
virtio_reg_write16(volatile void *reg, uint16_t value)
{
    __asm__ volatile("strh %w0, [%1]" ::"r"((uint32_t)le16_from(value).raw), "r"(reg) : "memory");
}

static inline void
virtio_reg_write32(volatile void *reg, uint32_t value)
{
    __asm__ volatile("str %w0, [%1]" ::"r"(le32_from(value).raw), "r"(reg) : "memory");
}

/*
 * Atomic operations by load- and store-exclusive, written out: compilers may call helpers for them that need a libc at start
 * (outline atomics), which an embedding kernel does not have.
 */
static inline size_t
/* NOLINTNEXTLINE(readability-non-const-parameter): the assembly writes it */
virtio_fetch_add(size_t *at, size_t addend)
{
    size_t old;
    size_t sum;
    uint32_t has_failed;
    __asm__ volatile("1: ldxr %0, %3\n"
                     "   add  %1, %0, %4\n"
                     "   stxr %w2, %1, %3\n"
                     "   cbnz %w2, 1b\n"
                     : "=&r"(old), "=&r"(sum), "=&r"(has_failed), "+Q"(*at)
                     : "r"(addend)
                     : "memory");
    return old;
}

static inline uint32_t
/* NOLINTNEXTLINE(readability-non-const-parameter): the assembly writes it */
virtio_exchange(uint32_t *at, uint32_t value)
{
    uint32_t old;
    uint32_t has_failed;
    __asm__ volatile("1: ldaxr %w0, %2\n"
                     "   stxr  %w1, %w3, %2\n"
                     "   cbnz  %w1, 1b\n"
                     : "=&r"(old), "=&r"(has_failed), "+Q"(*at)
                     : "r"(value)
                     : "memory");
    return old;
}

static inline bool
virtio_set_if_null(const char **at, const char *value)
{
    const char *old;
    uint32_t has_failed = 0;
    __asm__ volatile("1: ldaxr %0, %2\n"
                     "   cbnz  %0, 2f\n"
                     "   stlxr %w1, %3, %2\n"
                     "   cbnz  %w1, 1b\n"
                     "2:\n"
                     : "=&r"(old), "+&r"(has_failed), "+Q"(*at)
                     : "r"(value)
                     : "memory");
    return old == NULL;
}

#endif
