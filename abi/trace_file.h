/*
 * A file of trace records: this header, then struct trace_record until the end of the file.
 *
 *   0        8        10    11   12       16                 24            32
 *   | magic  | version | side | 0 | record | ticks_per_second | lost_count | records ...
 *
 * The driver's side: `trace raw` of our kernel, by ./run --trace-records.  The device's: vitrine-gpu --trace-records FILE, and each
 * renderer's beside it: FILE.renderer-1, FILE.renderer-2 ...  `vitrine trace` reads all.
 */
#ifndef ABI_TRACE_FILE_H
#define ABI_TRACE_FILE_H

#include "abi/trace_record.h"

/* Without a terminating zero. */
#define TRACE_FILE_MAGIC_BYTES                                                                     \
 {                                                                                                 \
  'v', 'i', 't', 'r', 'a', 'c', 'e', '\n'                                                          \
 }

enum { TRACE_FILE_VERSION = 1 };

enum trace_file_side {
    TRACE_FILE_DRIVER = 1,   /* events of virtio/trace.def */
    TRACE_FILE_DEVICE = 2,   /* events of device/gpu/trace.def */
    TRACE_FILE_RENDERER = 3, /* events of venus/trace.def, of one context, on the device's clock */
};

struct trace_file_header {
    char magic[8];
    le16 version;
    uint8_t side;
    uint8_t reserved;
    le32 record_bytes;     /* sizeof(struct trace_record) */
    le64 ticks_per_second; /* of time_ns: 1,000,000,000 */
    le64
        lost_count; /* records before the first one that were overwritten; while recording: 0, and events "lost" */
};
_Static_assert(sizeof(struct trace_file_header) == 32, "the header is as long as a record");

#endif
