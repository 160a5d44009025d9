/*
 * Percentiles of slices, and how a value is told.
 */
#include "tests/perf/ring_slices.h"

#include <stdio.h>
#include <stdlib.h>

static int
compare(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return (*x > *y) - (*x < *y);
}

void
ring_slices_add(struct ring_slices *s, uint64_t spent_ns, uint64_t count)
{
    if (s->count < RING_SLICE_MAX) {
        s->ns[s->count++] = (double)spent_ns / (double)count;
    }
}

double
ring_slices_percentile_ns(struct ring_slices *s, unsigned percent)
{
    size_t rank = (s->count * percent + 99) / 100; /* the nearest rank, from 1 */

    if (s->count == 0) {
        return 0;
    }
    qsort(s->ns, s->count, sizeof(s->ns[0]), compare);
    return s->ns[rank > 0 ? rank - 1 : 0];
}

void
ring_show(const char *name, double value, const char *unit)
{
    printf("%s %.6g %s\n", name, value, unit);
    (void)fflush(stdout);
}
