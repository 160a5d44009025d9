/*
 * Latencies of a benchmark, counted by the microsecond, and the one line that says them.
 */
#ifndef KERNEL_DRV_SAMPLES_H
#define KERNEL_DRV_SAMPLES_H

#include "kernel/core/base.h"

enum { SAMPLES_BUCKETS = 16384 }; /* of a microsecond; what takes longer counts in the last */

struct samples {
    uint64_t count;
    uint64_t max_ns;
    uint32_t buckets[SAMPLES_BUCKETS];
};

/* Context of all: main thread. */
void samples_clear(struct samples *samples);
void samples_add(struct samples *samples, uint64_t latency_ns);

/* The upper bound, in ns, of what `per_mille` of all stayed within; 0 when there are none. */
uint64_t samples_quantile_ns(const struct samples *samples, uint32_t per_mille);

/* Print "bench NAME UNIT=count elapsed_ns=... p50_ns=... p99_ns=... max_ns=...". */
void samples_print(const struct samples *samples, const char *name, const char *unit,
                   uint64_t elapsed_ns);

/* The kernel's one set of them: benchmarks run one at a time. */
struct samples *samples_shared(void);

#endif
