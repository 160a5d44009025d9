/*
 * Nanoseconds for each piece of work, slice by slice: a percentile of them stands while others use the machine.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RING_SLICE_MAX 131072 /* 10 minutes of calls that follow each other after 5 ms */

struct ring_slices {
    double ns[RING_SLICE_MAX];
    size_t count;
};

/* `count` pieces took spent_ns; what does not fit any more is left out. */
void ring_slices_add(struct ring_slices *s, uint64_t spent_ns, uint64_t count);

/* Sorts the slices.  Returns: what `percent` of them did not exceed; 50: the median; 0 without any. */
double ring_slices_percentile_ns(struct ring_slices *s, unsigned percent);

/* Prints `name value unit`. */
void ring_show(const char *name, double value, const char *unit);
