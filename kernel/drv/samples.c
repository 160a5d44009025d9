/* Latencies of a benchmark: see samples.h. */
#include "kernel/drv/samples.h"

#include <string.h>

#include "kernel/core/console.h"
#include "kernel/core/time.h"

static struct samples shared;

struct samples *
samples_shared(void)
{
    return &shared;
}

void
samples_clear(struct samples *samples)
{
    memset(samples, 0, sizeof(*samples));
}

void
samples_add(struct samples *samples, uint64_t latency_ns)
{
    samples->count++;
    samples->max_ns = max_u64(samples->max_ns, latency_ns);
    samples->buckets[min_u64(latency_ns / NS_PER_US, SAMPLES_BUCKETS - 1)]++;
}

uint64_t
samples_quantile_ns(const struct samples *samples, uint32_t per_mille)
{
    uint64_t wanted = (samples->count * per_mille + 999) / 1000;
    uint64_t seen = 0;

    for (uint64_t i = 0; i < SAMPLES_BUCKETS && samples->count > 0; i++) {
        seen += samples->buckets[i];
        if (seen >= wanted) {
            return min_u64((i + 1) * NS_PER_US, samples->max_ns);
        }
    }
    return 0;
}

void
samples_print(const struct samples *samples, const char *name, const char *unit,
              uint64_t elapsed_ns)
{
    console_print("bench %s %s=%llu elapsed_ns=%llu p50_ns=%llu p99_ns=%llu max_ns=%llu\n", name,
                  unit, (unsigned long long)samples->count, (unsigned long long)elapsed_ns,
                  (unsigned long long)samples_quantile_ns(samples, 500),
                  (unsigned long long)samples_quantile_ns(samples, 990),
                  (unsigned long long)samples->max_ns);
}
