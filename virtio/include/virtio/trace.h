/*
 * The trace: what the library did and saw, in 32-byte records in a ring of the caller's memory.
 *
 *   struct trace_record ring[4096];
 *   virtio_trace_init(&trace, &plat, ring, 4096);
 *   virtio_trace_enable(&trace, true);
 *   ... drivers run ...
 *   struct virtio_trace_reader reader = virtio_trace_read_start(&trace);
 *   while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
 *       virtio_trace_format(&record, line, sizeof(line));
 *   }
 *
 * Events are declared once, in virtio/trace.def. When the trace is off, an event costs one load and one branch.
 * Writers: any context, several CPUs (a slot is taken by one atomic addition). Reading while others write gives whole
 * records in order, of which the oldest may be lost; for exact results turn the trace off first.
 */
#ifndef VIRTIO_TRACE_H
#define VIRTIO_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/trace_record.h"

#include "virtio/error.h"
#include "virtio/platform.h"

enum virtio_trace_event {
#define TRACE_EVENT(name, text) TRACE_##name,
#include "virtio/trace.def"
#undef TRACE_EVENT
    TRACE_EVENT_COUNT
};

struct virtio_trace {
    struct trace_record *ring;
    uint32_t capacity; /* records; a power of two */
    bool is_on;
    /* Words that every CPU can add to at once; the CPUs of 32 bits begin anew after 2^32. */
    size_t cookies_given;
    size_t written; /* records ever claimed; the next slot is written % capacity */
    size_t
        dropped; /* of these, not written: another writer was stuck in the slot for a whole lap */
    const struct virtio_platform *plat;
};

/*
 * `ring`: `capacity` records of the caller's, a power of two of at least 16. The trace is off afterwards.
 * Returns: VIRTIO_OK, VIRTIO_ERR_INVALID.
 */
enum virtio_err virtio_trace_init(struct virtio_trace *trace, const struct virtio_platform *plat,
                                  struct trace_record *ring, uint32_t capacity);

/* Turn recording on or off; what is in the ring stays. */
void virtio_trace_enable(struct virtio_trace *trace, bool on);

/* Forget what was recorded. */
void virtio_trace_clear(struct virtio_trace *trace);

/* A new cookie for one command: never 0, repeats after 2^32 - 1. `trace` may be NULL: 0 then. */
uint32_t virtio_trace_cookie(struct virtio_trace *trace);

/* Write one record now; use virtio_trace_emit. */
void virtio_trace_write(struct virtio_trace *trace, enum virtio_trace_event event, uint32_t cookie,
                        uint16_t origin_queue, uint64_t a, uint64_t b);

/*
 * Record an event where the trace exists and is on. `origin_queue` is origin << 8 | queue.
 * Context: any.
 */
static inline void
virtio_trace_emit(struct virtio_trace *trace, enum virtio_trace_event event, uint32_t cookie,
                  uint16_t origin_queue, uint64_t a, uint64_t b)
{
    if (trace != NULL && trace->is_on) {
        virtio_trace_write(trace, event, cookie, origin_queue, a, b);
    }
}

/* Record `bytes` of a command or response after its own event: TRACE_BYTES records of 16 bytes each. */
void virtio_trace_payload(struct virtio_trace *trace, uint32_t cookie, uint16_t origin_queue,
                          const void *data, size_t bytes);

/* Record `text` after the event that it belongs to: TRACE_TEXT records of 16 characters each. */
void virtio_trace_text(struct virtio_trace *trace, uint32_t cookie, uint16_t origin_queue,
                       const char *text);

/* A position in the ring: a copy of nothing, so the records must not be cleared while it is in use. */
struct virtio_trace_reader {
    const struct virtio_trace *trace;
    size_t next;
    uint64_t lost; /* records that were overwritten before they were read */
};

/* Start at the oldest record that is still there. */
struct virtio_trace_reader virtio_trace_read_start(const struct virtio_trace *trace);

/* Copy out the next record. Returns: VIRTIO_OK, VIRTIO_EMPTY at the end. */
enum virtio_err virtio_trace_read(struct virtio_trace_reader *reader, struct trace_record *record);

/*
 * Put the TRACE_BYTES records that follow `record` together again: what virtio_trace_payload was given, filled up with zeros
 * to whole records. `reader` stands behind `record` and is not moved; records of other commands may stand between.
 * Returns: bytes copied, a multiple of 16 up to `room`; 0 when none follow or the room is less than 16.
 */
size_t virtio_trace_join(const struct virtio_trace_reader *reader,
                         const struct trace_record *record, uint8_t *bytes, size_t room);

/* The event's name as in trace.def ("virtq_add"); "unknown" beyond the table. */
const char *virtio_trace_event_name(uint16_t event);

/*
 * Print one record as one line of text without newline. The names behind its numbers and what a command's bytes say are
 * known to the drivers' printers (vgpu_trace_format, vblk_, vnet_, vinput_); virtio_trace_print tries them all.
 * Returns: characters written, less than `bytes`; the text is always terminated.
 */
size_t virtio_trace_format(const struct trace_record *record, char *text, size_t bytes);

/* Enough for what virtio_trace_print and virtio_trace_json make of any record. */
enum { VIRTIO_TRACE_TEXT_BYTES = 2048 };

/*
 * Print one record as one line, with all fields of a command and the parsed type of a response, whatever driver it is of:
 *    0.0905 device 4 queue 0 #1 gpu request 0x103: 48 bytes: SET_SCANOUT flags 0x0 ... resource_id 7
 *    0.0911 device 1 queue 0 #2 blk response status 0 to type 8 after 22952 ns: OK to GET_ID, id "scratch"
 * `reader`: stands behind `record`; not moved. Links all drivers: a tree with one of them calls that driver's own.
 * Returns: characters written, less than `text_bytes`; 0 for TRACE_BYTES, which are parts of others.
 */
size_t virtio_trace_print(const struct virtio_trace_reader *reader,
                          const struct trace_record *record, char *text, size_t text_bytes);

/*
 * Print one record as one element of a Chrome trace ("traceEvents" array, without the comma): commands of all drivers with
 * their duration, at their response; the rest as instants. `reader`: as above.
 * Returns: characters written; 0 for records that are parts of others, and where the text has no room.
 */
size_t virtio_trace_json(const struct virtio_trace_reader *reader,
                         const struct trace_record *record, char *text, size_t text_bytes);

/* Latencies by powers of two of a nanosecond: bucket i counts those in [2^i, 2^(i+1)). */
enum { VIRTIO_HISTOGRAM_BUCKETS = 40 };

struct virtio_histogram {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t min_ns; /* valid when count > 0 */
    uint64_t max_ns;
    uint32_t buckets[VIRTIO_HISTOGRAM_BUCKETS];
};

/* Count one latency. A zeroed histogram is an empty one. */
void virtio_histogram_add(struct virtio_histogram *histogram, uint64_t latency_ns);

/* Upper bound, in ns, of the bucket in which the given share (0 to 1000 per mille) of all latencies lies; 0 when empty. */
uint64_t virtio_histogram_quantile_ns(const struct virtio_histogram *histogram, unsigned per_mille);

#endif
