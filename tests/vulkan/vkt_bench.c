/*
 * Micro-benchmarks of a Vulkan driver, as an application sees it; the same program for a host driver and for any
 * renderer in front of it.
 *
 * usage: vkt_bench [--only NAME] [--seconds S] [--timeout S] [--json] [--list]
 * One line `name value unit` for each value; with --json one object.  Exit status: 0; 1 a call failed; 2 wrong use;
 * 124 no end in time.  `idle` is measured only when asked for: it does nothing for S seconds between the lines
 * `idle-begin` and `idle-end`, while a harness counts how often the server wakes up.
 */
#include "tests/vulkan/vkt_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vulkan/vkt_options.h"

#define USAGE                                                                                      \
 "usage: vkt_bench [--only NAME] [--seconds S] [--timeout S] [--json] [--list]\n"                  \
 "vkt_bench: --list names what can be measured\n"

const struct vkt_measurement vkt_measurements[] = {
    {"start",         "from nothing to the end of the first submit",         vkt_bench_start,        false},
    { "sync",         "a synchronous call, one after another",               vkt_bench_sync_hot,     false},
    { "sync-idle",    "a synchronous call after 5 ms of silence",            vkt_bench_sync_idle,    false},
    { "cache-size",   "vkGetPipelineCacheData for the size",                 vkt_bench_cache_size,   false},
    { "fence-status", "vkGetFenceStatus",                                    vkt_bench_fence_status, false},
    { "sampler",      "create and destroy a sampler",                        vkt_bench_sampler,      false},
    { "record",       "100,000 vkCmdSetViewport; the same with submit+wait", vkt_bench_record,       false},
    { "submit",       "an empty submit; the same with a fence and its wait", vkt_bench_submit,       false},
    { "alloc",        "allocate 64 KiB, map, set, free",                     vkt_bench_alloc,        false},
    { "memory",       "write and read 64 MiB of mapped memory",              vkt_bench_memory,       false},
    { "compute",      "a million elements, submit and wait",                 vkt_bench_compute,      false},
    { "compute-few",  "64 elements: record, submit and wait",                vkt_bench_compute_few,  false},
    { "frames",       "offscreen frames of 512x512 with 10 draws each",      vkt_bench_frames,       false},
    { "idle",         "nothing, for a harness that counts wake-ups",         vkt_bench_idle,         true },
};

const unsigned vkt_measurement_count = sizeof(vkt_measurements) / sizeof(vkt_measurements[0]);

struct choice {
    const char *only;
    uint32_t seconds;
    uint32_t timeout_s;
    bool is_json;
    bool is_list;
};

void
vkt_spans_add(struct vkt_spans *spans, uint64_t ns)
{
    spans->ns[spans->count++ % VKT_SPAN_MAX] = ns;
}

static int
compare_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

double
vkt_spans_percentile_us(struct vkt_spans *spans, unsigned percent)
{
    size_t count = spans->count < VKT_SPAN_MAX ? spans->count : VKT_SPAN_MAX;
    size_t rank = (count * percent + 99) / 100; /* the nearest rank, from 1 */

    if (count == 0) {
        return 0;
    }
    qsort(spans->ns, count, sizeof(spans->ns[0]), compare_ns);
    return (double)spans->ns[rank > 0 ? rank - 1 : 0] / 1e3;
}

void
vkt_report(struct vkt_bench *b, const char *name, double value, const char *unit)
{
    if (b->is_json) {
        printf("%s\n  \"%s\": {\"value\": %.9g, \"unit\": \"%s\"}", b->is_first ? "" : ",", name,
               value, unit);
    } else {
        printf("%s %.6g %s\n", name, value, unit);
    }
    b->is_first = false;
    (void)fflush(stdout);
}

static bool
is_known(const char *name)
{
    for (unsigned i = 0; i < vkt_measurement_count; i++) {
        if (strcmp(vkt_measurements[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void
list(void)
{
    for (unsigned i = 0; i < vkt_measurement_count; i++) {
        printf("%-12s  %s\n", vkt_measurements[i].name, vkt_measurements[i].about);
    }
}

/* Reads the option at `*i`; gives whether it was understood. */
static bool
is_read(struct choice *c, int argc, char **argv, int *i)
{
    const struct vkt_option numbers[] = {
        {"--seconds",  &c->seconds,   1, 600 },
        { "--timeout", &c->timeout_s, 1, 3600},
    };
    const char *name = argv[*i];

    if (strcmp(name, "--json") == 0) {
        c->is_json = true;
        return true;
    }
    if (strcmp(name, "--list") == 0) {
        c->is_list = true;
        return true;
    }
    *i += 1;
    if (*i < argc && strcmp(name, "--only") == 0) {
        c->only = argv[*i];
        return is_known(c->only);
    }
    return vkt_is_option(numbers, 2, name, *i < argc ? argv[*i] : NULL);
}

static void
measure_all(struct vkt_bench *b, const char *only)
{
    for (unsigned i = 0; i < vkt_measurement_count; i++) {
        const struct vkt_measurement *m = &vkt_measurements[i];

        if (only != NULL ? strcmp(only, m->name) == 0 : !m->is_on_request) {
            m->measure(b);
        }
    }
}

static void
run(const struct choice *c)
{
    struct vkt_bench b = { .is_json = c->is_json, .is_first = false };

    b.started_ns = vkt_now_ns();
    b.span_ns = c->seconds * VKT_NS_PER_S;
    vkt_open(&b.t, "vkt_bench");
    if (c->is_json) {
        printf("{\"device\": \"%s\", \"values\": {", b.t.properties.deviceName);
        b.is_first = true;
    } else {
        printf("# %s\n", b.t.properties.deviceName);
    }
    measure_all(&b, c->only);
    if (c->is_json) {
        printf("\n}}\n");
    }
    vkt_close(&b.t);
}

int
main(int argc, char **argv)
{
    struct choice c = { .seconds = 1, .timeout_s = 120 };

    for (int i = 1; i < argc; i++) {
        if (!is_read(&c, argc, argv, &i)) {
            (void)fputs(USAGE, stderr);
            return 2;
        }
    }
    if (c.is_list) {
        list();
        return 0;
    }
    vkt_deadline(c.timeout_s);
    run(&c);
    return 0;
}
