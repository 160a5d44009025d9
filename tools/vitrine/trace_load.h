/*
 * trace_load.h - a file of trace records, read into memory and checked.
 */
#ifndef TOOLS_VITRINE_TRACE_LOAD_H
#define TOOLS_VITRINE_TRACE_LOAD_H

#include "tools/vitrine/trace_file.h"

struct trace_bytes {
    void *data;
    size_t size_bytes;
};

enum trace_loaded {
    TRACE_LOADED,
    TRACE_NO_FILE, /* it cannot be read */
    TRACE_DAMAGED,
};

/*
 * file points into bytes, which are for trace_unload, whatever is returned.
 * Returns: TRACE_LOADED, else `why` is a sentence with the path.
 */
enum trace_loaded trace_load(const char *path, struct trace_bytes *bytes, struct trace_file *file,
                             char *why, size_t why_bytes);
void trace_unload(struct trace_bytes *bytes);

#endif
