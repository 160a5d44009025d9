/*
 * Trace records as elements of a Chrome trace, which chrome://tracing and Perfetto show. Contract:
 * virtio/gpu.h.
 *
 *   a GPU command, at its response   {"ph":"X", ts, dur}: a bar on the row of its queue
 *   anything else                    {"ph":"i", ts}: a mark
 */
#include "virtio/core/text.h"
#include "virtio/driver/gpu/trace_join.h"

enum { DETAIL_BYTES = 640 };

/* Text from our own printers; still, nothing that could end the string early goes through. */
static void
put_quoted(struct text *text, const char *string)
{
    virtio_text_char(text, '"');
    for (const char *c = string; *c != '\0'; c++) {
        bool is_plain = *c >= ' ' && *c <= '~' && *c != '"' && *c != '\\';
        virtio_text_char(text, is_plain ? *c : '\'');
    }
    virtio_text_char(text, '"');
}

/* Microseconds with three digits behind the point. */
static void
put_us(struct text *text, const char *key, uint64_t ns)
{
    virtio_text_string(text, key);
    virtio_text_number(text, ns / 1000, 10, 1, ' ');
    virtio_text_char(text, '.');
    virtio_text_number(text, ns % 1000, 10, 3, '0');
}

static void
put_number(struct text *text, const char *key, uint64_t value)
{
    virtio_text_string(text, key);
    virtio_text_number(text, value, 10, 1, ' ');
}

/* Process: the device; thread: its queue. */
static void
put_place(struct text *text, const struct trace_record *record)
{
    put_number(text, ",\"pid\":", record->origin);
    put_number(text, ",\"tid\":", record->queue);
    put_number(text, ",\"args\":{\"cookie\":", le32_get(record->cookie));
    virtio_text_string(text, ",\"text\":");
}

static void
put_command(struct text *text, const struct virtio_trace_reader *reader,
            const struct trace_record *record)
{
    char detail[DETAIL_BYTES];
    uint64_t end_ns = le64_get(record->time_ns);
    uint64_t latency_ns = le64_get(record->b);
    latency_ns = latency_ns < end_ns ? latency_ns : end_ns;
    (void)vgpu_trace_fields(reader, record, detail, sizeof(detail));
    virtio_text_string(text, "{\"name\":");
    put_quoted(text, vgpu_type_name((uint32_t)(le64_get(record->a) >> 32)));
    virtio_text_string(text, ",\"cat\":\"gpu\",\"ph\":\"X\"");
    put_us(text, ",\"ts\":", end_ns - latency_ns);
    put_us(text, ",\"dur\":", latency_ns);
    put_place(text, record);
    put_quoted(text, detail);
    virtio_text_string(text, "}}");
}

static void
put_instant(struct text *text, const struct virtio_trace_reader *reader,
            const struct trace_record *record)
{
    char detail[DETAIL_BYTES];
    if (vgpu_trace_format(reader, record, detail, sizeof(detail)) == 0) {
        (void)virtio_trace_format(record, detail, sizeof(detail));
    }
    virtio_text_string(text, "{\"name\":");
    put_quoted(text, virtio_trace_event_name(le16_get(record->event)));
    virtio_text_string(text, ",\"cat\":\"virtio\",\"ph\":\"i\",\"s\":\"t\"");
    put_us(text, ",\"ts\":", le64_get(record->time_ns));
    put_place(text, record);
    put_quoted(text, detail);
    virtio_text_string(text, "}}");
}

size_t
vgpu_trace_json(const struct virtio_trace_reader *reader, const struct trace_record *record,
                char *text, size_t text_bytes)
{
    struct text element = virtio_text_start(text, text_bytes);
    uint16_t event = le16_get(record->event);
    if (event == TRACE_BYTES || event == TRACE_NONE) {
        return 0;
    }
    if (event == TRACE_GPU_RESPONSE) {
        put_command(&element, reader, record);
    } else {
        put_instant(&element, reader, record);
    }
    if (element.used + 1 >= element.bytes) { /* cut: half an element is worse than none */
        text[0] = '\0';
        return 0;
    }
    return element.used;
}
