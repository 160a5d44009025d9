/*
 * The measurements of vkt_bench: each a row of a table, each giving one or more named values.
 */
#pragma once

#include <stdbool.h>

#include "tests/vulkan/vkt.h"

#define VKT_NS_PER_S 1000000000ULL

struct vkt_bench {
    struct vkt t;
    uint64_t started_ns; /* before the loader was opened */
    uint64_t span_ns;    /* how long each measurement may take */
    bool is_json;
    bool is_first; /* no value was printed yet */
};

struct vkt_measurement {
    const char *name;
    const char *about;
    void (*measure)(struct vkt_bench *b);
    bool is_on_request; /* only with --only */
};

extern const struct vkt_measurement vkt_measurements[];
extern const unsigned vkt_measurement_count;

/* Prints one value. */
void vkt_report(struct vkt_bench *b, const char *name, double value, const char *unit);

#define VKT_SPAN_MAX 65536U

/* How long each of many took: the last so many of them. */
struct vkt_spans {
    uint64_t ns[VKT_SPAN_MAX];
    uint64_t count; /* of all */
};

void vkt_spans_add(struct vkt_spans *spans, uint64_t ns);
/* Sorts them, so that none is added afterwards.  Returns: what `percent` (to 100) of them did not exceed, in microseconds; 0 without any. */
double vkt_spans_percentile_us(struct vkt_spans *spans, unsigned percent);

/* Measurements of calls (vkt_bench_calls.c). */
void vkt_bench_start(struct vkt_bench *b);
void vkt_bench_sync_hot(struct vkt_bench *b);
void vkt_bench_sync_idle(struct vkt_bench *b);
void vkt_bench_cache_size(struct vkt_bench *b);
void vkt_bench_fence_status(struct vkt_bench *b);
void vkt_bench_sampler(struct vkt_bench *b);
void vkt_bench_idle(struct vkt_bench *b);

/* Measurements of work (vkt_bench_work.c). */
void vkt_bench_record(struct vkt_bench *b);
void vkt_bench_submit(struct vkt_bench *b);
void vkt_bench_frames(struct vkt_bench *b);
void vkt_bench_compute(struct vkt_bench *b);
void vkt_bench_compute_few(struct vkt_bench *b);

/* Measurements of memory (vkt_bench_memory.c). */
void vkt_bench_alloc(struct vkt_bench *b);
void vkt_bench_memory(struct vkt_bench *b);
