#include "tools/vitrine/trace_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    HEADER_BYTES = sizeof(struct trace_file_header),
    RECORD_BYTES = sizeof(struct trace_record)
};

#define NS_PER_S             UINT64_C(1000000000)
#define TICKS_PER_SECOND_MAX UINT64_C(10000000000) /* times NS_PER_S it still is a uint64_t */

#define TRACE_EVENT(name, text) #name,
static const char *const driver_events[] = {
#include "virtio/trace.def"
};
static const char *const device_events[] = {
#include "device/gpu/trace.def"
};
static const char *const renderer_events[] = {
#include "venus/trace.def"
};
#undef TRACE_EVENT
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct side_words {
    const char *whose;
    const char *file;
    const char *const *events;
    unsigned event_count;
} sides[] = {
    [TRACE_FILE_DRIVER] = {"driver",    "virtio/trace.def",     driver_events,   COUNT(driver_events)},
    [TRACE_FILE_DEVICE] = { "device",   "device/gpu/trace.def", device_events,   COUNT(device_events)},
    [TRACE_FILE_RENDERER] = { "renderer", "venus/trace.def",      renderer_events,
                           COUNT(renderer_events)                                                    },
};

static bool __attribute__((format(printf, 2, 3)))
wrong(char why[TRACE_FILE_WHY_BYTES], const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(why, TRACE_FILE_WHY_BYTES, format, values);
    va_end(values);
    return false;
}

static bool
check_header(const struct trace_file_header *header, char why[TRACE_FILE_WHY_BYTES])
{
    static const char magic[8] = TRACE_FILE_MAGIC_BYTES;
    if (memcmp(header->magic, magic, sizeof(magic)) != 0) {
        return wrong(why, "byte 0: this is no file of trace records");
    }
    if (le16_get(header->version) != TRACE_FILE_VERSION) {
        return wrong(why, "byte %zu: version %u is unknown here, only %d",
                     offsetof(struct trace_file_header, version), le16_get(header->version),
                     TRACE_FILE_VERSION);
    }
    if (header->side == 0 || header->side >= COUNT(sides)) {
        return wrong(
            why, "byte %zu: side %u is not the driver's (1), the device's (2), a renderer's (3)",
            offsetof(struct trace_file_header, side), header->side);
    }
    if (le32_get(header->record_bytes) != RECORD_BYTES) {
        return wrong(why, "byte %zu: records of %u bytes, expected %d",
                     offsetof(struct trace_file_header, record_bytes),
                     le32_get(header->record_bytes), RECORD_BYTES);
    }
    uint64_t ticks = le64_get(header->ticks_per_second);
    if (ticks == 0 || ticks > TICKS_PER_SECOND_MAX) {
        return wrong(why, "byte %zu: a clock of %llu ticks in a second",
                     offsetof(struct trace_file_header, ticks_per_second),
                     (unsigned long long)ticks);
    }
    return true;
}

static bool
check_record(const struct trace_file *file, size_t idx, char why[TRACE_FILE_WHY_BYTES])
{
    const struct trace_record *record = &file->records[idx];
    unsigned long long at = HEADER_BYTES + (unsigned long long)idx * RECORD_BYTES;
    bool is_driver = file->side == TRACE_FILE_DRIVER;
    const struct side_words *side = &sides[file->side];
    unsigned event = le16_get(record->event);
    if (event == 0 || event >= side->event_count) {
        return wrong(why, "byte %llu: event %u is none of %s (1 to %u)",
                     at + offsetof(struct trace_record, event), event, side->file,
                     side->event_count - 1);
    }
    if (is_driver == ((record->origin & TRACE_ORIGIN_DEVICE_SIDE) != 0)) {
        return wrong(why, "byte %llu: origin 0x%x is not of the %s's side",
                     at + offsetof(struct trace_record, origin), record->origin, side->whose);
    }
    return true;
}

bool
trace_file_parse(const void *bytes, size_t size_bytes, struct trace_file *file,
                 char why[TRACE_FILE_WHY_BYTES])
{
    const struct trace_file_header *header = bytes;
    if (size_bytes < HEADER_BYTES) {
        return wrong(why, "byte %zu: the file ends within its header of %d bytes", size_bytes,
                     HEADER_BYTES);
    }
    if (!check_header(header, why)) {
        return false;
    }
    size_t record_bytes = size_bytes - HEADER_BYTES;
    if (record_bytes % RECORD_BYTES != 0) {
        return wrong(why, "byte %zu: the file ends within a record, which begins at byte %zu",
                     size_bytes, size_bytes - record_bytes % RECORD_BYTES);
    }
    *file = (struct trace_file){ .side = header->side,
                                 .ticks_per_second = le64_get(header->ticks_per_second),
                                 .lost_count = le64_get(header->lost_count),
                                 .records = (const void *)(header + 1),
                                 .record_count = record_bytes / RECORD_BYTES };
    for (size_t i = 0; i < file->record_count; i++) {
        if (!check_record(file, i, why)) {
            return false;
        }
    }
    return true;
}

uint64_t
trace_file_ns(const struct trace_file *file, const struct trace_record *record)
{
    uint64_t ticks = le64_get(record->time_ns);
    uint64_t whole = ticks / file->ticks_per_second * NS_PER_S;
    return whole + ticks % file->ticks_per_second * NS_PER_S / file->ticks_per_second;
}

const char *
trace_event_name(enum trace_file_side side, uint16_t event)
{
    return sides[side].events[event];
}

const char *
trace_file_whose(enum trace_file_side side)
{
    return sides[side].whose;
}
