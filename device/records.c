/*
 * records.c - a buffer before the file: one write for two thousand records.
 */
#include "device/records.h"

#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "abi/trace_file.h"

#include "device/trace_out.h"

enum { RECORD_COUNT_MAX = 2048, FLUSH_NS = 500000000 };

#define TRACE_EVENT(name, text) RECORDS_EVENT_##name,
enum {
#include "device/gpu/trace.def"
};
#undef TRACE_EVENT

struct records {
    int fd;
    unsigned count;
    uint64_t lost_count;
    struct loop *loop;
    struct loop_timer timer;
    struct trace_record records[RECORD_COUNT_MAX];
};

struct records *
records_open(const char *path)
{
    struct records *records = calloc(1, sizeof(*records));
    int fd = records != NULL ? trace_out_open(path, TRACE_FILE_DEVICE) : -1;
    if (fd < 0) {
        free(records);
        return NULL;
    }
    records->fd = fd;
    return records;
}

static void
flush(void *user)
{
    struct records *records = user;
    if (!trace_out_write(records->fd, records->records,
                         records->count * sizeof(records->records[0]))) {
        records->lost_count += records->count;
    }
    records->count = 0;
}

void
records_serve(struct records *records, struct loop *loop)
{
    records->loop = loop;
    records->timer = (struct loop_timer){ .on_late = flush, .user = records };
}

static void
add(struct records *records, const void *record)
{
    if (records->count == RECORD_COUNT_MAX) {
        flush(records);
    } else if (records->count == 0 && records->loop != NULL) {
        loop_timer_set(records->loop, &records->timer, FLUSH_NS);
    }
    memcpy(&records->records[records->count++], record, sizeof(records->records[0]));
}

void
records_put(void *user, const void *record)
{
    struct records *records = user;
    if (records->lost_count != 0) {
        struct trace_record lost = { .time_ns = le64_from(loop_now_ns()),
                                     .event = le16_from(RECORDS_EVENT_LOST),
                                     .origin = TRACE_ORIGIN_DEVICE_SIDE,
                                     .queue = TRACE_QUEUE_NONE,
                                     .a = le64_from(records->lost_count) };
        records->lost_count = 0;
        add(records, &lost);
    }
    add(records, record);
}

void
records_close(struct records *records)
{
    if (records == NULL) {
        return;
    }
    if (records->loop != NULL) {
        loop_timer_clear(records->loop, &records->timer);
    }
    flush(records);
    (void)close(records->fd);
    free(records);
}
