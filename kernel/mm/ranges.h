/*
 * A small set of address ranges, sorted and without overlap: the arithmetic behind "memory minus what is reserved".
 */
#ifndef KERNEL_MM_RANGES_H
#define KERNEL_MM_RANGES_H

#include "kernel/core/base.h"

enum {
    RANGES_COUNT_MAX = 64,
};

struct range {
    uint64_t base;
    uint64_t end; /* first byte after it; base < end */
};

struct range_set {
    uint32_t count;
    struct range ranges[RANGES_COUNT_MAX];
};

/*
 * Add [base, base + size); ranges that touch are joined.
 * Context: any. Returns: 0; -E_INVAL (empty, or past 2^64), -E_NOSPC (too many): nothing changed then.
 */
int ranges_add(struct range_set *set, uint64_t base, uint64_t size);

/* Take [base, base + size) out. Returns as ranges_add; an empty range is no error here. */
int ranges_remove(struct range_set *set, uint64_t base, uint64_t size);

/* Shrink every range to whole pages; what has none left goes. */
void ranges_trim_to_pages(struct range_set *set);

/* Whether all of [base, base + size) lies in one range. */
bool ranges_contain(const struct range_set *set, uint64_t base, uint64_t size);

/* Bytes in all ranges. */
uint64_t ranges_bytes(const struct range_set *set);

#endif
