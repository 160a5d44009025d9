/*
 * One access each to a field in memory that the device sees or changes: neither repeated, left out nor merged by the compiler.
 * In which order the device sees them is said by the barriers alone (virtio/core/barrier.h). All of a ring's memory is touched
 * through these and nothing else, so that a test can put a header in this one's place and see every access.
 */
#ifndef VIRTIO_CORE_SHARED_H
#define VIRTIO_CORE_SHARED_H

#include "abi/endian.h"

static inline uint16_t
le16_read(const volatile le16 *field)
{
    return le16_get((le16){ field->raw });
}

static inline uint32_t
le32_read(const volatile le32 *field)
{
    return le32_get((le32){ field->raw });
}

static inline void
le16_write(volatile le16 *field, uint16_t value)
{
    field->raw = le16_from(value).raw;
}

static inline void
le32_write(volatile le32 *field, uint32_t value)
{
    field->raw = le32_from(value).raw;
}

static inline void
le64_write(volatile le64 *field, uint64_t value)
{
    field->raw = le64_from(value).raw;
}

#endif
