/*
 * trace_file.h - reads a file of trace records (abi/trace_file.h), which may be damaged or made up by somebody else.
 */
#ifndef TOOLS_VITRINE_TRACE_FILE_H
#define TOOLS_VITRINE_TRACE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/trace_file.h"

enum { TRACE_FILE_WHY_BYTES = 160 };

struct trace_file {
    enum trace_file_side side;
    uint64_t ticks_per_second;
    uint64_t lost_count;
    const struct trace_record *records; /* within the bytes that were read */
    size_t record_count;
};

/*
 * Checks the header and each record.  bytes: aligned to 8; file points into them.
 * Returns: true; false and in `why` what is wrong at which byte.
 */
bool trace_file_parse(const void *bytes, size_t size_bytes, struct trace_file *file,
                      char why[TRACE_FILE_WHY_BYTES]);

/* When a record was made, in nanoseconds of its own side's clock. */
uint64_t trace_file_ns(const struct trace_file *file, const struct trace_record *record);

/* The event's name in its side's trace.def.  event: of a file that was parsed. */
const char *trace_event_name(enum trace_file_side side, uint16_t event);

/* "device".  side: of a file that was parsed. */
const char *trace_file_whose(enum trace_file_side side);

#endif
