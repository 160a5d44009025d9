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

#endif
