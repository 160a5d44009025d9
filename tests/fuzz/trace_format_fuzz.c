/* The printers of trace records over a ring of any records: whole lines, within their room, and every reader ends. */
#include "virtio/trace.h"

#include "tests/fuzz/fuzz_input.h"

enum { RECORD_COUNT = 16 };

static uint64_t
now_ns(void *ctx)
{
    (void)ctx;
    return 1;
}

static void
print(struct virtio_trace_reader reader, const struct trace_record *record, size_t room)
{
    char *text = malloc(room);
    fuzz_expect(text != NULL);
    size_t length = virtio_trace_format(record, text, room);
    fuzz_expect(length < room && text[length] == '\0');
    length = virtio_trace_print(&reader, record, text, room);
    fuzz_expect(length < room && text[length] == '\0');
    length = virtio_trace_json(&reader, record, text, room);
    fuzz_expect(length < room);
    free(text);
    (void)virtio_trace_event_name(le16_get(record->event));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct virtio_platform plat = { .now_ns = now_ns };
    struct fuzz_input in = { data, size };
    struct trace_record ring[RECORD_COUNT];
    struct trace_record record;
    struct virtio_trace trace;
    size_t room = fuzz_u16(&in) % 1024U + 1;
    fuzz_expect(virtio_trace_init(&trace, &plat, ring, RECORD_COUNT) == VIRTIO_OK);
    trace.written = fuzz_u8(&in) % (2U * RECORD_COUNT);
    for (unsigned i = 0; i < RECORD_COUNT; i++) {
        fuzz_take(&in, &ring[i], sizeof(ring[i]));
        /* Mostly events that exist, else the printers would see little. */
        ring[i].event = le16_from((uint16_t)(le16_get(ring[i].event) % (TRACE_EVENT_COUNT + 1U)));
    }
    struct virtio_trace_reader reader = virtio_trace_read_start(&trace);
    unsigned count = 0;
    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        print(reader, &record, room);
        count++;
        fuzz_expect(count <= RECORD_COUNT);
    }
    return 0;
}
