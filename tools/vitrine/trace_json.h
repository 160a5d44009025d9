/*
 * trace_json.h - the two parts of a Chrome trace: virtqueues (trace_json.c) and rings (trace_json_rings.c).
 */
#ifndef TOOLS_VITRINE_TRACE_JSON_H
#define TOOLS_VITRINE_TRACE_JSON_H

#include "tools/vitrine/trace.h"

enum { TRACE_PID_GUEST = 1, TRACE_PID_HOST = 2, TRACE_PID_RENDERERS = 3 };

/* ,"key":12.345 in microseconds. */
void trace_put_us(FILE *to, const char *key, uint64_t ns);

/* Elements of traceEvents, each with a comma before. */
void trace_put_rings(FILE *to, const struct rings *rings);

#endif
