/*
 * The trace ring: records claimed, written, read. Contract: virtio/trace.h; printing: trace_format.c.
 *
 * Writers and readers need no lock. The word of a record that holds event, origin and queue is its guard: a writer
 * exchanges it for BUSY, and stores it last, with the parity of its lap. So a reader knows a record that is not yet or no
 * longer the one of its turn, and two writers are never in one slot: the later one drops its record.
 */
#include "virtio/trace.h"

#include "virtio/core/barrier.h"
#include "virtio/core/memory.h"

enum { TRACE_CAPACITY_MIN = 16, LAP_BIT = 0x8000 };

#define BUSY UINT32_MAX

/* A record's guard: event, origin, queue as one word, in the byte order of memory. */
typedef uint32_t __attribute__((may_alias)) guard_word;
_Static_assert(offsetof(struct trace_record, event) == 12 && offsetof(struct trace_record, a) == 16,
               "event, origin and queue are one aligned word");

static guard_word *
guard_of(struct trace_record *record)
{
    return (guard_word *)(void *)&record->event;
}

static uint16_t
lap_bit(const struct virtio_trace *trace, size_t position)
{
    return (position & trace->capacity) != 0 ? LAP_BIT : 0;
}

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
    size_t position = virtio_fetch_add(&trace->written, 1);
    struct trace_record *slot = &trace->ring[position & (trace->capacity - 1)];
    if (virtio_exchange(guard_of(slot), BUSY) == BUSY) {
        (void)virtio_fetch_add(&trace->dropped, 1);
        return;
    }
    /* Pairs with the acquire fence in copy_record: who copied one of the bytes below sees BUSY, or what follows it. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    struct trace_record record = { .time_ns = le64_from(trace->plat->now_ns(trace->plat->ctx)),
                                   .cookie = le32_from(cookie),
                                   .event = le16_from((uint16_t)event | lap_bit(trace, position)),
                                   .origin = (uint8_t)(origin_queue >> 8),
                                   .queue = (uint8_t)origin_queue,
                                   .a = le64_from(a),
                                   .b = le64_from(b) };
    volatile struct trace_record *to = slot;
    to->time_ns.raw = record.time_ns.raw;
    to->cookie.raw = record.cookie.raw;
    to->a.raw = record.a.raw;
    to->b.raw = record.b.raw;
    /* Pairs with the acquire load of the guard in copy_record. */
    __atomic_store_n(guard_of(slot), *guard_of(&record), __ATOMIC_RELEASE);
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
    size_t written = __atomic_load_n(&trace->written, __ATOMIC_ACQUIRE);
    size_t oldest = written > trace->capacity ? written - trace->capacity : 0;
    return (struct virtio_trace_reader){ .trace = trace, .next = oldest };
}

/* Step over what the writers have overwritten. */
static void
skip_lost(struct virtio_trace_reader *reader, size_t written)
{
    size_t behind = written - reader->next; /* also where the count began anew */
    if (behind > reader->trace->capacity) {
        reader->lost += behind - reader->trace->capacity;
        reader->next = written - reader->trace->capacity;
    }
}

/* Copy the record of `position`. Returns: VIRTIO_OK; VIRTIO_EMPTY when its slot holds another one, or none yet. */
static enum virtio_err
copy_record(const struct virtio_trace *trace, size_t position, struct trace_record *record)
{
    struct trace_record *slot = &trace->ring[position & (trace->capacity - 1)];
    guard_word before = __atomic_load_n(guard_of(slot), __ATOMIC_ACQUIRE);
    const volatile struct trace_record *from = slot;
    record->time_ns.raw = from->time_ns.raw;
    record->cookie.raw = from->cookie.raw;
    record->a.raw = from->a.raw;
    record->b.raw = from->b.raw;
    memcpy((uint8_t *)record + offsetof(struct trace_record, event), &before, sizeof(before));
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* the copy before the second look at the guard */
    guard_word after = __atomic_load_n(guard_of(slot), __ATOMIC_RELAXED);
    uint16_t event = le16_get(record->event);
    bool is_of_lap = (event & LAP_BIT) == lap_bit(trace, position);
    record->event = le16_from(event & (LAP_BIT - 1));
    bool is_whole = before == after && before != BUSY && event != 0 && is_of_lap;
    return is_whole ? VIRTIO_OK : VIRTIO_EMPTY;
}

enum virtio_err
virtio_trace_read(struct virtio_trace_reader *reader, struct trace_record *record)
{
    const struct virtio_trace *trace = reader->trace;
    for (;;) {
        size_t written = __atomic_load_n(&trace->written, __ATOMIC_ACQUIRE);
        skip_lost(reader, written);
        if (reader->next == written) {
            return VIRTIO_EMPTY;
        }
        enum virtio_err err = copy_record(trace, reader->next, record);
        written = __atomic_load_n(&trace->written, __ATOMIC_RELAXED);
        if (err == VIRTIO_OK && written - reader->next <= trace->capacity) {
            reader->next++;
            return VIRTIO_OK;
        }
        if (written - reader->next <= trace->capacity / 2) {
            return VIRTIO_EMPTY; /* being written; half a lap later it would count as dropped */
        }
        reader->next++;
        reader->lost++;
    }
}

/* Records of others may stand between those of one command; so far ahead it is looked for. */
enum { LOOK_AHEAD_RECORDS = 128 };

size_t
virtio_trace_join(const struct virtio_trace_reader *reader, const struct trace_record *record,
                  uint8_t *bytes, size_t room)
{
    struct virtio_trace_reader ahead = *reader;
    struct trace_record next;
    size_t count = 0;
    for (unsigned i = 0; i < LOOK_AHEAD_RECORDS && room - count >= TRACE_BYTES_PER_RECORD; i++) {
        if (virtio_trace_read(&ahead, &next) != VIRTIO_OK) {
            break;
        }
        if (next.cookie.raw != record->cookie.raw || next.origin != record->origin) {
            continue;
        }
        if (le16_get(next.event) != TRACE_BYTES) {
            break; /* the command's next event: it has no more bytes */
        }
        memcpy(bytes + count, &next.a, sizeof(next.a));
        memcpy(bytes + count + sizeof(next.a), &next.b, sizeof(next.b));
        count += TRACE_BYTES_PER_RECORD;
    }
    return count;
}
