/*
 * Any record of the trace, whatever driver it is of, as a line or as an element of a Chrome trace, which chrome://tracing and
 * Perfetto show. Contract: virtio/trace.h.
 *
 *   a command of a driver, at its end   {"ph":"X", ts, dur}: a bar on the row of its queue
 *   anything else                       {"ph":"i", ts}: a mark
 */
#include "virtio/blk.h"
#include "virtio/driver/trace_command.h"
#include "virtio/gpu.h"
#include "virtio/input.h"
#include "virtio/net.h"

enum { DETAIL_BYTES = VIRTIO_TRACE_TEXT_BYTES - 256 }; /* the rest is for what stands around it */

static size_t (*const printers[])(const struct virtio_trace_reader *reader,
                                  const struct trace_record *record, char *text,
                                  size_t text_bytes) = { vgpu_trace_format, vblk_trace_format,
                                                         vnet_trace_format, vinput_trace_format };

size_t
virtio_trace_print(const struct virtio_trace_reader *reader, const struct trace_record *record,
                   char *text, size_t text_bytes)
{
    size_t used = 0;
    if (le16_get(record->event) == TRACE_BYTES) {
        text[0] = '\0';
        return 0;
    }
    for (size_t i = 0; used == 0 && i < sizeof(printers) / sizeof(printers[0]); i++) {
        used = printers[i](reader, record, text, text_bytes);
    }
    return used != 0 ? used : virtio_trace_format(record, text, text_bytes);
}

static bool
is_end_of_command(const struct trace_record *record, struct trace_command *command)
{
    return vgpu_trace_command(record, command) || vblk_trace_command(record, command) ||
           vnet_trace_command(record, command) || vinput_trace_command(record, command);
}

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
put_command(struct text *text, const struct trace_record *record,
            const struct trace_command *command)
{
    uint64_t end_ns = le64_get(record->time_ns);
    uint64_t latency_ns = command->latency_ns < end_ns ? command->latency_ns : end_ns;
    put_quoted(text, command->name);
    virtio_text_string(text, ",\"cat\":");
    put_quoted(text, command->category);
    virtio_text_string(text, ",\"ph\":\"X\"");
    put_us(text, ",\"ts\":", end_ns - latency_ns);
    put_us(text, ",\"dur\":", latency_ns);
}

static void
put_instant(struct text *text, const struct trace_record *record)
{
    put_quoted(text, virtio_trace_event_name(le16_get(record->event)));
    virtio_text_string(text, ",\"cat\":\"virtio\",\"ph\":\"i\",\"s\":\"t\"");
    put_us(text, ",\"ts\":", le64_get(record->time_ns));
}

size_t
virtio_trace_json(const struct virtio_trace_reader *reader, const struct trace_record *record,
                  char *text, size_t text_bytes)
{
    struct text element = virtio_text_start(text, text_bytes);
    struct trace_command command;
    char detail[DETAIL_BYTES];
    if (virtio_trace_print(reader, record, detail, sizeof(detail)) == 0) {
        return 0;
    }
    virtio_text_string(&element, "{\"name\":");
    if (is_end_of_command(record, &command)) {
        put_command(&element, record, &command);
    } else {
        put_instant(&element, record);
    }
    put_place(&element, record);
    put_quoted(&element, detail);
    virtio_text_string(&element, "}}");
    if (element.used + 1 >= element.bytes) { /* cut: half an element is worse than none */
        text[0] = '\0';
        return 0;
    }
    return element.used;
}
