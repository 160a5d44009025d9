/*
 * Counters of a context.  Counts are exact; times are sampled, one command in 64 of its kind, since a clock costs as much as
 * a short command.
 */
#ifndef VENUS_STATS_H
#define VENUS_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VN_SAMPLE_EVERY   64u
#define VN_STATS_COMMANDS 512u /* more than there are commands: asserted where they are counted */
#define VN_STATS_HANDLES  64u

/* Of one executor: written by its thread alone, so that counting is an addition. */
struct vn_counts {
    _Atomic uint64_t commands[VN_STATS_COMMANDS];
    _Atomic uint64_t sampled[VN_STATS_COMMANDS];
    _Atomic uint64_t sampled_ns[VN_STATS_COMMANDS];
    _Atomic uint64_t stream_bytes; /* decoded, of rings and streams alike */
    _Atomic uint64_t reply_bytes;
};

/* Of a context: what executors count rarely, and what those counted that are gone. */
struct vn_stats {
    struct vn_counts gone;
    _Atomic uint64_t made_counts[VN_STATS_HANDLES]; /* objects by type */
    _Atomic uint64_t gone_counts[VN_STATS_HANDLES];
    _Atomic uint64_t submit_count; /* venus_submit */
};

/* Adds to a counter that only this thread writes.  Returns: what it was. */
static inline uint64_t
vn_count_own(_Atomic uint64_t *counter, uint64_t by)
{
    uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, before + by, memory_order_relaxed);
    return before;
}

/* Adds one executor's counters to a sum. */
void vn_counts_add(struct vn_counts *sum, const struct vn_counts *counts);

/* Several rings count at once, each rarely: a plain add would lose some. */
static inline uint64_t
vn_count(_Atomic uint64_t *counter, uint64_t by)
{
    return atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

#endif
