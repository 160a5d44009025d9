/*
 * shared.h - one access each to a field of a ring, which the guest sees or changes: neither repeated, left out nor merged.
 *
 * Reads acquire and writes release, so that what stands in front of an index or flag in the ring's own rules needs no more
 * words: an entry is read after the index that tells of it, and written before the index that tells the guest.  What has to be
 * seen by the guest before we look again is vq_full_fence's.
 */
#ifndef DEVICE_VQ_SHARED_H
#define DEVICE_VQ_SHARED_H

#include "abi/endian.h"

static inline uint16_t
shared_read16(const le16 *field)
{
    return le16_get((le16){ __atomic_load_n(&field->raw, __ATOMIC_ACQUIRE) });
}

static inline uint32_t
shared_read32(const le32 *field)
{
    return le32_get((le32){ __atomic_load_n(&field->raw, __ATOMIC_ACQUIRE) });
}

static inline uint64_t
shared_read64(const le64 *field)
{
    return le64_get((le64){ __atomic_load_n(&field->raw, __ATOMIC_ACQUIRE) });
}

static inline void
shared_write16(le16 *field, uint16_t value)
{
    __atomic_store_n(&field->raw, le16_from(value).raw, __ATOMIC_RELEASE);
}

static inline void
shared_write32(le32 *field, uint32_t value)
{
    __atomic_store_n(&field->raw, le32_from(value).raw, __ATOMIC_RELEASE);
}

/* Writes before it are seen by the guest before reads after it are done. */
static inline void
vq_full_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
