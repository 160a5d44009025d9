/*
 * Counters by name. The names are stable: people and programs read them (`metrics`, `metrics json`).
 *
 * A part of the kernel registers a source; whoever reads the metrics asks each source to emit its values.
 */
#ifndef KERNEL_CORE_METRICS_H
#define KERNEL_CORE_METRICS_H

#include "kernel/core/base.h"

struct metrics_reader {
    /* Takes one value. `name` is like "mem.free_bytes": lower case, digits, '_' and '.', unit at its end. */
    void (*value)(struct metrics_reader *reader, const char *name, uint64_t value);
    void *ctx;
};

struct metrics_source {
    void (*emit)(struct metrics_reader *reader);
    struct metrics_source *next; /* metrics' */
};

/* Add a source; the structure is the caller's and stays. Context: boot. */
void metrics_register(struct metrics_source *source);

/* One value, from within emit(); the name is formatted. */
void metrics_emit(struct metrics_reader *reader, uint64_t value, const char *name_format, ...)
    PRINTF_LIKE(3, 4);

/* Read all sources in order of registration. Context: main thread. */
void metrics_read(struct metrics_reader *reader);

#endif
