/*
 * Counters of a context.  Counts are exact; times are sampled, one command in 16 of its kind, since a clock costs as much as
 * a short command.
 */
#ifndef VENUS_STATS_H
#define VENUS_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VN_SAMPLE_EVERY   16u
#define VN_STATS_COMMANDS 512u /* more than there are commands: asserted where they are counted */
#define VN_STATS_HANDLES  64u

struct vn_stats {
    _Atomic uint64_t command_counts[VN_STATS_COMMANDS];
    _Atomic uint64_t sampled_ns[VN_STATS_COMMANDS];
    _Atomic uint64_t sampled_counts[VN_STATS_COMMANDS];
    _Atomic uint64_t made_counts[VN_STATS_HANDLES]; /* objects by type */
    _Atomic uint64_t gone_counts[VN_STATS_HANDLES];
    _Atomic uint64_t submit_count; /* venus_submit */
    _Atomic uint64_t stream_bytes; /* decoded, of rings and streams alike */
    _Atomic uint64_t reply_bytes;
};

/* Several rings count at once, each rarely: a plain add would lose some. */
static inline uint64_t
vn_count(_Atomic uint64_t *counter, uint64_t by)
{
    return atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

#endif
