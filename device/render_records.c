/*
 * render_records.c - a buffer before the file, which all threads of a context fill: one write for two thousand records.
 */
#include "device/render_records.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <unistd.h>

#include "device/clock.h"
#include "device/trace_out.h"

enum { RECORD_COUNT_MAX = 2048 };

#define TRACE_EVENT(name, text) RENDER_EVENT_##name,
enum {
#include "venus/trace.def"
};
#undef TRACE_EVENT

struct render_records {
    int fd;
    pthread_mutex_t lock;
    unsigned count;
    uint64_t lost_count;
    struct trace_record records[RECORD_COUNT_MAX];
};

static struct trace_record
event_now(unsigned event)
{
    return (struct trace_record){ .time_ns = le64_from(clock_now_ns()),
                                  .event = le16_from((uint16_t)event),
                                  .origin = TRACE_ORIGIN_DEVICE_SIDE,
                                  .queue = TRACE_QUEUE_NONE };
}

/* Sixteen characters to a record. */
static bool
write_name(int fd, const char *name)
{
    char part[TRACE_BYTES_PER_RECORD];
    bool is_written = true;
    for (size_t left = strlen(name); left > 0 && is_written;) {
        size_t length = left < sizeof(part) ? left : sizeof(part);
        struct trace_record record = event_now(RENDER_EVENT_TEXT);
        memset(part, 0, sizeof(part));
        memcpy(part, name, length);
        memcpy(&record.a, part, sizeof(record.a));
        memcpy(&record.b, part + sizeof(record.a), sizeof(record.b));
        is_written = trace_out_write(fd, &record, sizeof(record));
        name += length;
        left -= length;
    }
    return is_written;
}

int
render_records_open(const char *path, unsigned number, uint32_t context_id, const char *name)
{
    char own[PATH_MAX];
    (void)snprintf(own, sizeof(own), "%s.renderer-%u", path, number);
    int fd = trace_out_open(own, TRACE_FILE_RENDERER);
    struct trace_record context = event_now(RENDER_EVENT_CONTEXT);
    context.a = le64_from(context_id);
    if (fd >= 0 && (!trace_out_write(fd, &context, sizeof(context)) || !write_name(fd, name))) {
        int error = errno;
        (void)close(fd);
        errno = error;
        fd = -1;
    }
    return fd;
}

struct render_records *
render_records_create(int fd)
{
    struct render_records *records = calloc(1, sizeof(*records));
    if (records != NULL) {
        records->fd = fd;
        (void)pthread_mutex_init(&records->lock, NULL);
    }
    return records;
}

/* The lock is held. */
static void
flush(struct render_records *records)
{
    if (!trace_out_write(records->fd, records->records,
                         records->count * sizeof(records->records[0]))) {
        records->lost_count += records->count;
    }
    records->count = 0;
}

static void
add(struct render_records *records, const void *record)
{
    if (records->count == RECORD_COUNT_MAX) {
        flush(records);
    }
    memcpy(&records->records[records->count++], record, sizeof(records->records[0]));
}

void
render_records_put(struct render_records *records, const void *record)
{
    (void)pthread_mutex_lock(&records->lock);
    if (records->lost_count != 0) {
        struct trace_record lost = event_now(RENDER_EVENT_LOST);
        lost.a = le64_from(records->lost_count);
        records->lost_count = 0;
        add(records, &lost);
    }
    add(records, record);
    (void)pthread_mutex_unlock(&records->lock);
}

void
render_records_flush(struct render_records *records)
{
    (void)pthread_mutex_lock(&records->lock);
    flush(records);
    (void)pthread_mutex_unlock(&records->lock);
}

void
render_records_destroy(struct render_records *records)
{
    if (records == NULL) {
        return;
    }
    flush(records);
    (void)pthread_mutex_destroy(&records->lock);
    free(records);
}
