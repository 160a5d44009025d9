/*
 * The trace ring: records claimed, written, read. Contract: virtio/trace.h; printing: trace_format.c.
 *
 * Writers and readers need no lock. A record's `event` is 0 (NONE) while it is being written and is stored last, so a reader
 * sees whole records only; after copying one it looks whether the writers have come round to that slot meanwhile.
 */
#include "virtio/trace.h"

#include "virtio/core/barrier.h"
#include "virtio/core/memory.h"

enum { TRACE_CAPACITY_MIN = 16 };

enum virtio_err
virtio_trace_init(struct virtio_trace *trace, const struct virtio_platform *plat,
                  struct trace_record *ring, uint32_t capacity)
{
    if (ring == NULL || plat == NULL || plat->now_ns == NULL || capacity < TRACE_CAPACITY_MIN ||
        (capacity & (capacity - 1)) != 0) {
        return VIRTIO_ERR_INVALID;
    }
    *trace = (struct virtio_trace){ .ring = ring, .capacity = capacity, .plat = plat };
    memset(ring, 0, capacity * sizeof(*ring));
    return VIRTIO_OK;
}

void
virtio_trace_enable(struct virtio_trace *trace, bool on)
{
    trace->is_on = on;
}

void
virtio_trace_clear(struct virtio_trace *trace)
{
    memset(trace->ring, 0, trace->capacity * sizeof(*trace->ring));
    __atomic_store_n(&trace->written, 0, __ATOMIC_RELEASE);
}

uint32_t
virtio_trace_cookie(struct virtio_trace *trace)
{
    if (trace == NULL) {
        return 0;
    }
    return (uint32_t)(virtio_fetch_add(&trace->cookies_given, 1) % UINT32_MAX) + 1;
}

void
virtio_trace_write(struct virtio_trace *trace, enum virtio_trace_event event, uint32_t cookie,
                   uint16_t origin_queue, uint64_t a, uint64_t b)
{
    uint64_t position = virtio_fetch_add(&trace->written, 1);
    volatile struct trace_record *record = &trace->ring[position & (trace->capacity - 1)];
    record->event.raw = 0;
    /* Pairs with the acquire fence in virtio_trace_read: who sees one of the stores below sees `written` and the 0, too. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    record->time_ns.raw = le64_from(trace->plat->now_ns(trace->plat->ctx)).raw;
    record->cookie.raw = le32_from(cookie).raw;
    record->origin = (uint8_t)(origin_queue >> 8);
    record->queue = (uint8_t)origin_queue;
    record->a.raw = le64_from(a).raw;
    record->b.raw = le64_from(b).raw;
    /* Pairs with the acquire load of `event` in virtio_trace_read. */
    __atomic_store_n(&record->event.raw, le16_from((uint16_t)event).raw, __ATOMIC_RELEASE);
}

/* Sixteen bytes as they lie in memory, as the two values of a record. */
static void
write_sixteen(struct virtio_trace *trace, enum virtio_trace_event event, uint32_t cookie,
              uint16_t origin_queue, const void *data, size_t bytes)
{
    le64 halves[2] = { { 0 }, { 0 } };
    memcpy(halves, data, bytes);
    virtio_trace_write(trace, event, cookie, origin_queue, le64_get(halves[0]),
                       le64_get(halves[1]));
}

static void
write_bytes(struct virtio_trace *trace, enum virtio_trace_event event, uint32_t cookie,
            uint16_t origin_queue, const void *data, size_t bytes)
{
    if (trace == NULL || !trace->is_on) {
        return;
    }
    for (size_t at = 0; at < bytes; at += TRACE_BYTES_PER_RECORD) {
        size_t left = bytes - at;
        write_sixteen(trace, event, cookie, origin_queue, (const uint8_t *)data + at,
                      left < TRACE_BYTES_PER_RECORD ? left : TRACE_BYTES_PER_RECORD);
    }
}

void
virtio_trace_payload(struct virtio_trace *trace, uint32_t cookie, uint16_t origin_queue,
                     const void *data, size_t bytes)
{
    write_bytes(trace, TRACE_BYTES, cookie, origin_queue, data, bytes);
}

void
virtio_trace_text(struct virtio_trace *trace, uint32_t cookie, uint16_t origin_queue,
                  const char *text)
{
    size_t bytes = 0;
    while (text[bytes] != '\0') {
        bytes++;
    }
    write_bytes(trace, TRACE_TEXT, cookie, origin_queue, text, bytes);
}

struct virtio_trace_reader
virtio_trace_read_start(const struct virtio_trace *trace)
{
    uint64_t written = __atomic_load_n(&trace->written, __ATOMIC_ACQUIRE);
    uint64_t oldest = written > trace->capacity ? written - trace->capacity : 0;
    return (struct virtio_trace_reader){ .trace = trace, .next = oldest };
}

/* Step over what the writers have overwritten. */
static void
skip_lost(struct virtio_trace_reader *reader, uint64_t written)
{
    uint64_t oldest = written > reader->trace->capacity ? written - reader->trace->capacity : 0;
    if (reader->next < oldest) {
        reader->lost += oldest - reader->next;
        reader->next = oldest;
    }
}

enum virtio_err
virtio_trace_read(struct virtio_trace_reader *reader, struct trace_record *record)
{
    const struct virtio_trace *trace = reader->trace;
    uint64_t written = __atomic_load_n(&trace->written, __ATOMIC_ACQUIRE);
    for (;;) {
        skip_lost(reader, written);
        if (reader->next >= written) {
            return VIRTIO_EMPTY;
        }
        const struct trace_record *slot = &trace->ring[reader->next & (trace->capacity - 1)];
        if (__atomic_load_n(&slot->event.raw, __ATOMIC_ACQUIRE) == 0) {
            return VIRTIO_EMPTY; /* being written */
        }
        *record = *slot;
        __atomic_thread_fence(__ATOMIC_ACQUIRE); /* the copy before the look at `written` */
        written = __atomic_load_n(&trace->written, __ATOMIC_RELAXED);
        if (written - reader->next <= trace->capacity) {
            reader->next++;
            return VIRTIO_OK;
        }
    }
}
