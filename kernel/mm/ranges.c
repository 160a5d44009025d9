/* Sets of address ranges: see ranges.h. */
#include "kernel/mm/ranges.h"

#include <string.h>

#include "kernel/core/errno.h"

static bool
is_valid(uint64_t base, uint64_t size)
{
    return size != 0 && size <= UINT64_MAX - base;
}

static void
erase(struct range_set *set, uint32_t idx, uint32_t count)
{
    memmove(&set->ranges[idx], &set->ranges[idx + count],
            (set->count - idx - count) * sizeof(set->ranges[0]));
    set->count -= count;
}

/* The caller has seen that there is room. */
static void
insert(struct range_set *set, uint32_t idx, struct range range)
{
    memmove(&set->ranges[idx + 1], &set->ranges[idx], (set->count - idx) * sizeof(set->ranges[0]));
    set->ranges[idx] = range;
    set->count++;
}

int
ranges_add(struct range_set *set, uint64_t base, uint64_t size)
{
    if (!is_valid(base, size)) {
        return -E_INVAL;
    }
    struct range range = { base, base + size };
    uint32_t first = 0;
    uint32_t after;

    while (first < set->count && set->ranges[first].end < range.base) {
        first++;
    }
    for (after = first; after < set->count && set->ranges[after].base <= range.end; after++) {
        range.base = min_u64(range.base, set->ranges[after].base);
        range.end = max_u64(range.end, set->ranges[after].end);
    }
    if (after == first && set->count == RANGES_COUNT_MAX) {
        return -E_NOSPC;
    }
    erase(set, first, after - first);
    insert(set, first, range);
    return 0;
}

int
ranges_remove(struct range_set *set, uint64_t base, uint64_t size)
{
    if (size == 0) {
        return 0;
    }
    if (!is_valid(base, size)) {
        return -E_INVAL;
    }
    uint64_t end = base + size;

    for (uint32_t i = 0; i < set->count; i++) {
        struct range *range = &set->ranges[i];

        if (range->base < base && range->end > end) { /* a hole in the middle */
            if (set->count == RANGES_COUNT_MAX) {
                return -E_NOSPC;
            }
            struct range tail = { end, range->end };
            range->end = base;
            insert(set, i + 1, tail);
            return 0;
        }
        if (range->base >= base && range->end <= end) {
            erase(set, i, 1);
            i--;
        } else if (range->base < base && range->end > base) {
            range->end = base;
        } else if (range->base < end && range->end > end) {
            range->base = end;
        }
    }
    return 0;
}

void
ranges_trim_to_pages(struct range_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct range *range = &set->ranges[i];
        uint64_t base = align_up(range->base, PAGE_BYTES);

        range->end = align_down(range->end, PAGE_BYTES);
        if (base < range->base || base >= range->end) {
            erase(set, i, 1);
            i--;
        } else {
            range->base = base;
        }
    }
}

bool
ranges_contain(const struct range_set *set, uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < set->count && is_valid(base, size); i++) {
        if (set->ranges[i].base <= base && base + size <= set->ranges[i].end) {
            return true;
        }
    }
    return false;
}

uint64_t
ranges_bytes(const struct range_set *set)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < set->count; i++) {
        bytes += set->ranges[i].end - set->ranges[i].base;
    }
    return bytes;
}
