/*
 * The trace ring: off, on, overwritten, many writers at once; and how records print.
 * conformance: S0-04 S0-13
 */
#include <pthread.h>

#include "abi/virtio.h"

#include "virtio/trace.h"

#include "tests/unit/utest.h"

enum { RECORDS = 16, WRITERS = 4, RECORDS_EACH = 20000, RECORDS_ALL = WRITERS * RECORDS_EACH };

static uint64_t
tick(void *ctx)
{
    uint64_t *now_ns = ctx;
    return now_ns != NULL ? (*now_ns += 1) : 0;
}

static struct virtio_platform plat = { .now_ns = tick };
static struct trace_record ring[RECORDS];

static struct virtio_trace
new_trace(void)
{
    struct virtio_trace trace;
    EXPECT_EQ(virtio_trace_init(&trace, &plat, ring, RECORDS), VIRTIO_OK);
    return trace;
}

UTEST(init_refuses_odd_rings)
{
    struct virtio_trace trace;
    struct virtio_platform no_clock = { 0 };
    EXPECT_EQ(virtio_trace_init(&trace, &plat, ring, 15), VIRTIO_ERR_INVALID);
    EXPECT_EQ(virtio_trace_init(&trace, &plat, ring, 8), VIRTIO_ERR_INVALID);
    EXPECT_EQ(virtio_trace_init(&trace, &plat, NULL, 16), VIRTIO_ERR_INVALID);
    EXPECT_EQ(virtio_trace_init(&trace, &no_clock, ring, 16), VIRTIO_ERR_INVALID);
}

UTEST(nothing_is_recorded_when_off_or_absent)
{
    struct virtio_trace trace = new_trace();
    struct trace_record record;
    virtio_trace_emit(&trace, TRACE_INTERRUPT, 0, 0, 1, 0);
    virtio_trace_emit(NULL, TRACE_INTERRUPT, 0, 0, 1, 0);
    virtio_trace_payload(NULL, 0, 0, "abc", 3);
    virtio_trace_text(&trace, 0, 0, "abc");
    EXPECT_EQ(trace.written, 0);
    struct virtio_trace_reader reader = virtio_trace_read_start(&trace);
    EXPECT_EQ(virtio_trace_read(&reader, &record), VIRTIO_EMPTY);
    EXPECT_EQ(virtio_trace_cookie(NULL), 0);
}

UTEST(cookies_are_never_0)
{
    struct virtio_trace trace = new_trace();
    EXPECT_EQ(virtio_trace_cookie(&trace), 1);
    EXPECT_EQ(virtio_trace_cookie(&trace), 2);
    trace.cookies_given = UINT32_MAX - 1;
    EXPECT_EQ(virtio_trace_cookie(&trace), UINT32_MAX);
    EXPECT_EQ(virtio_trace_cookie(&trace), 1);
}

UTEST(the_oldest_records_are_lost)
{
    struct virtio_trace trace = new_trace();
    struct trace_record record;
    virtio_trace_enable(&trace, true);
    struct virtio_trace_reader early = virtio_trace_read_start(&trace);
    for (uint64_t i = 0; i < 40; i++) {
        virtio_trace_emit(&trace, TRACE_INTERRUPT, 0, 0, i, 0);
    }
    struct virtio_trace_reader reader = virtio_trace_read_start(&trace);
    for (uint64_t i = 24; i < 40; i++) {
        EXPECT_EQ(virtio_trace_read(&reader, &record), VIRTIO_OK);
        EXPECT_EQ(le64_get(record.a), i);
    }
    EXPECT_EQ(virtio_trace_read(&reader, &record), VIRTIO_EMPTY);
    EXPECT_EQ(reader.lost, 0);
    EXPECT_EQ(virtio_trace_read(&early, &record), VIRTIO_OK);
    EXPECT_EQ(le64_get(record.a), 24);
    EXPECT_EQ(early.lost, 24);
    virtio_trace_clear(&trace);
    reader = virtio_trace_read_start(&trace);
    EXPECT_EQ(virtio_trace_read(&reader, &record), VIRTIO_EMPTY);
}

static void
format(enum virtio_trace_event event, uint64_t a, uint64_t b, char *line, size_t bytes)
{
    struct trace_record record = { .time_ns = le64_from(12345678901),
                                   .event = le16_from((uint16_t)event),
                                   .origin = 3,
                                   .queue = TRACE_QUEUE_NONE,
                                   .a = le64_from(a),
                                   .b = le64_from(b) };
    (void)virtio_trace_format(&record, line, bytes);
}

UTEST(records_print_by_trace_def)
{
    char line[200];
    format(TRACE_DEVICE_STATUS, 3, 0x4f, line, sizeof(line));
    EXPECT_STREQ(line, "   12.345678901 device 3 status ACKNOWLEDGE|DRIVER -> "
                       "ACKNOWLEDGE|DRIVER|FEATURES_OK|DRIVER_OK|DEVICE_NEEDS_RESET");
    format(TRACE_DEVICE_STATUS, 0, 0x31, line, sizeof(line));
    EXPECT_CONTAINS(line, "status 0 -> ACKNOWLEDGE|0x30");
    format(TRACE_VIRTQ_ADD, 0x300000007, 0x1000000020, line, sizeof(line));
    EXPECT_CONTAINS(line, "virtq add: id 7 segments 3 readable+writable bytes 32+16");
    format(TRACE_GPU_RESPONSE, 0x10000001100, 5, line, sizeof(line));
    EXPECT_CONTAINS(line, "gpu response 0x1100 to 0x100 after 5 ns");
    format(TRACE_EVENT_COUNT, 1, 2, line, sizeof(line));
    EXPECT_CONTAINS(line, "unknown event: 0x1 0x2");
    EXPECT_STREQ(virtio_trace_event_name(TRACE_VIRTQ_ADD), "VIRTQ_ADD");
    EXPECT_STREQ(virtio_trace_event_name(60000), "unknown");
}

UTEST(every_event_prints_whole)
{
    for (int event = 0; event < TRACE_EVENT_COUNT; event++) {
        char line[256];
        format((enum virtio_trace_event)event, UINT64_MAX, UINT64_MAX, line, sizeof(line));
        EXPECT_EQ(strchr(line, '{'), NULL);
        EXPECT_EQ(strchr(line, '}'), NULL);
        EXPECT_TRUE(strlen(line) < sizeof(line) - 1);
    }
}

UTEST(lines_are_cut_to_fit)
{
    char line[20];
    struct trace_record record = { .event = le16_from(TRACE_DEVICE_STATUS) };
    memset(line, 'x', sizeof(line));
    EXPECT_EQ(virtio_trace_format(&record, line, 10), 9);
    EXPECT_EQ(strlen(line), 9);
    EXPECT_EQ(line[10], 'x');
    EXPECT_EQ(virtio_trace_format(&record, line, 1), 0);
}

UTEST(text_and_bytes_come_in_sixteens)
{
    struct virtio_trace trace = new_trace();
    struct trace_record record;
    char line[200];
    virtio_trace_enable(&trace, true);
    virtio_trace_text(&trace, 9, 0x8502, "sixteen letters!and\tmore");
    virtio_trace_payload(&trace, 0, 0, "\1\2\3", 3);
    EXPECT_EQ(trace.written, 3);
    struct virtio_trace_reader reader = virtio_trace_read_start(&trace);
    EXPECT_EQ(virtio_trace_read(&reader, &record), VIRTIO_OK);
    (void)virtio_trace_format(&record, line, sizeof(line));
    EXPECT_CONTAINS(line, "<device 5 queue 2 #9 text sixteen letters!");
    EXPECT_EQ(virtio_trace_read(&reader, &record), VIRTIO_OK);
    (void)virtio_trace_format(&record, line, sizeof(line));
    EXPECT_CONTAINS(line, "text and?more");
    EXPECT_EQ(virtio_trace_read(&reader, &record), VIRTIO_OK);
    (void)virtio_trace_format(&record, line, sizeof(line));
    EXPECT_CONTAINS(line, "bytes 0x30201 0x0");
}

/* a and b of one record belong together, whatever other writers do. */
static void *
write_many(void *ctx)
{
    struct virtio_trace *trace = ctx;
    for (uint64_t i = 0; i < RECORDS_EACH; i++) {
        virtio_trace_emit(trace, TRACE_INTERRUPT, (uint32_t)i, 0, i, ~i);
    }
    return NULL;
}

/* How many records were read, 0 or 1. */
static unsigned
read_whole(struct virtio_trace_reader *reader)
{
    struct trace_record record;
    if (virtio_trace_read(reader, &record) != VIRTIO_OK) {
        return 0;
    }
    EXPECT_EQ(le64_get(record.a), ~le64_get(record.b));
    EXPECT_EQ(le64_get(record.a), le32_get(record.cookie));
    EXPECT_EQ(le16_get(record.event), TRACE_INTERRUPT);
    return 1;
}

UTEST(readers_see_whole_records_while_others_write)
{
    static struct trace_record large[4096];
    struct virtio_trace trace;
    pthread_t threads[WRITERS];
    EXPECT_EQ(virtio_trace_init(&trace, &plat, large, 4096), VIRTIO_OK);
    virtio_trace_enable(&trace, true);
    struct virtio_trace_reader reader = virtio_trace_read_start(&trace);
    for (unsigned i = 0; i < WRITERS; i++) {
        EXPECT_EQ(pthread_create(&threads[i], NULL, write_many, &trace), 0);
    }
    uint64_t read_count = 0;
    while (trace.written < RECORDS_ALL && !utest.has_failed) {
        read_count += read_whole(&reader);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        EXPECT_EQ(pthread_join(threads[i], NULL), 0);
    }
    while (read_whole(&reader) != 0) {
        read_count++;
    }
    EXPECT_EQ(trace.written, RECORDS_ALL);
    EXPECT_TRUE(read_count > 0);
    EXPECT_TRUE(read_count + reader.lost + trace.dropped >= RECORDS_ALL);
    EXPECT_TRUE(read_count + reader.lost <= RECORDS_ALL);
}
