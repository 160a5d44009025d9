/*
 * Byte-order wrappers: a little-endian field is a struct, so that using its raw value does not compile.
 * Source: VirtIO 1.3 §1.4 (all multi-byte fields of a non-legacy device are little-endian).
 */
#ifndef ABI_ENDIAN_H
#define ABI_ENDIAN_H

#include <stdint.h>

typedef struct {
    uint16_t raw;
} le16;

typedef struct {
    uint32_t raw;
} le32;

typedef struct {
    uint64_t raw;
} le64;

enum { ABI_HOST_IS_BIG_ENDIAN = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ };

static inline le16
le16_from(uint16_t value)
{
    return (le16){ ABI_HOST_IS_BIG_ENDIAN ? __builtin_bswap16(value) : value };
}

static inline le32
le32_from(uint32_t value)
{
    return (le32){ ABI_HOST_IS_BIG_ENDIAN ? __builtin_bswap32(value) : value };
}

static inline le64
le64_from(uint64_t value)
{
    return (le64){ ABI_HOST_IS_BIG_ENDIAN ? __builtin_bswap64(value) : value };
}

static inline uint16_t
le16_get(le16 field)
{
    return ABI_HOST_IS_BIG_ENDIAN ? __builtin_bswap16(field.raw) : field.raw;
}

static inline uint32_t
le32_get(le32 field)
{
    return ABI_HOST_IS_BIG_ENDIAN ? __builtin_bswap32(field.raw) : field.raw;
}

static inline uint64_t
le64_get(le64 field)
{
    return ABI_HOST_IS_BIG_ENDIAN ? __builtin_bswap64(field.raw) : field.raw;
}

/* One access each to a field in memory that the other side can see or change: neither repeated nor left out. */
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
