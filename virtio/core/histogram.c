/*
 * Latencies counted by powers of two. Contract: virtio/trace.h.
 */
#include "virtio/trace.h"

static unsigned
bucket_of(uint64_t latency_ns)
{
    unsigned bucket = 63 - (unsigned)__builtin_clzll(latency_ns | 1);
    return bucket < VIRTIO_HISTOGRAM_BUCKETS ? bucket : VIRTIO_HISTOGRAM_BUCKETS - 1;
}

void
virtio_histogram_add(struct virtio_histogram *histogram, uint64_t latency_ns)
{
    if (histogram->count == 0 || latency_ns < histogram->min_ns) {
        histogram->min_ns = latency_ns;
    }
    if (latency_ns > histogram->max_ns) {
        histogram->max_ns = latency_ns;
    }
    histogram->count++;
    histogram->sum_ns += latency_ns;
    histogram->buckets[bucket_of(latency_ns)]++;
}

uint64_t
virtio_histogram_quantile_ns(const struct virtio_histogram *histogram, unsigned per_mille)
{
    if (histogram->count == 0) {
        return 0;
    }
    /* The rank of the sought latency, at least 1; the division first, so that it cannot overflow. */
    uint64_t rank =
        histogram->count / 1000 * per_mille + (histogram->count % 1000 * per_mille + 999) / 1000;
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < VIRTIO_HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen >= rank && seen != 0) {
            uint64_t bound_ns = UINT64_C(2) << bucket;
            bool is_last = bucket == VIRTIO_HISTOGRAM_BUCKETS - 1;
            return is_last || histogram->max_ns < bound_ns ? histogram->max_ns : bound_ns;
        }
    }
    return histogram->max_ns;
}
