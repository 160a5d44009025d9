/*
 * Atomic operations that the compiler does in line.
 */
#ifndef VIRTIO_CORE_ARCH_PLAIN_ATOMICS_H
#define VIRTIO_CORE_ARCH_PLAIN_ATOMICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t
/* NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes it */
virtio_fetch_add(size_t *at, size_t addend)
{
    return __atomic_fetch_add(at, addend, __ATOMIC_RELAXED);
}

static inline uint32_t
/* NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes it */
virtio_exchange(uint32_t *at, uint32_t value)
{
    return __atomic_exchange_n(at, value, __ATOMIC_ACQUIRE);
}

static inline bool
virtio_set_if_null(const char **at, const char *value)
{
    const char *none = NULL;
    return __atomic_compare_exchange_n(at, &none, value, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

#endif
