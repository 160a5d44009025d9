/*
 * Small things that every part of the kernel uses: sizes, alignment, the owner of a member.
 */
#ifndef KERNEL_CORE_BASE_H
#define KERNEL_CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The structure of `type` whose `member` is at `pointer`. */
#define CONTAINER_OF(pointer, type, member)                                                        \
 ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define PRINTF_LIKE(format_idx, first_idx) __attribute__((format(printf, format_idx, first_idx)))

enum {
    PAGE_BYTES = 4096,
};

/* `align` is a power of two; the result wraps to 0 where it would pass 2^64. */
static inline uint64_t
align_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

static inline uint64_t
align_down(uint64_t value, uint64_t align)
{
    return value & ~(align - 1);
}

static inline bool
is_aligned(uint64_t value, uint64_t align)
{
    return (value & (align - 1)) == 0;
}

static inline uint64_t
min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t
max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
