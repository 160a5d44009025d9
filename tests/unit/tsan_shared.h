/*
 * In the place of virtio/core/shared.h for the thread sanitizer, which does not know barriers that stand alone: each access is
 * atomic, reads acquire and writes release.  What it then finds is a ring entry or a buffer outside the order of the rings.
 */
#ifndef VIRTIO_CORE_SHARED_H
#define VIRTIO_CORE_SHARED_H

#include "abi/endian.h"

static inline uint16_t
le16_read(const volatile le16 *field)
{
    return le16_get((le16){ __atomic_load_n(&field->raw, __ATOMIC_ACQUIRE) });
}

static inline uint32_t
le32_read(const volatile le32 *field)
{
    return le32_get((le32){ __atomic_load_n(&field->raw, __ATOMIC_ACQUIRE) });
}

static inline void
le16_write(volatile le16 *field, uint16_t value)
{
    __atomic_store_n(&field->raw, le16_from(value).raw, __ATOMIC_RELEASE);
}

static inline void
le32_write(volatile le32 *field, uint32_t value)
{
    __atomic_store_n(&field->raw, le32_from(value).raw, __ATOMIC_RELEASE);
}

static inline void
le64_write(volatile le64 *field, uint64_t value)
{
    __atomic_store_n(&field->raw, le64_from(value).raw, __ATOMIC_RELEASE);
}

#endif
