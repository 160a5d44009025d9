/*
 * Trace records as text, by the words in trace.def. Contract: virtio/trace.h.
 */
#include <stdbool.h>

#include "abi/virtio.h"

#include "virtio/core/memory.h"
#include "virtio/core/text.h"
#include "virtio/trace.h"

struct event_words {
    const char *name;
    const char *text;
};

static const struct event_words events[TRACE_EVENT_COUNT] = {
#define TRACE_EVENT(name, text) { #name, text },
#include "virtio/trace.def"
#undef TRACE_EVENT
};

static const struct event_words unknown_event = { "unknown", "unknown event: {a:x} {b:x}" };

static const struct event_words *
words_of(uint16_t event)
{
    return event < TRACE_EVENT_COUNT ? &events[event] : &unknown_event;
}

const char *
virtio_trace_event_name(uint16_t event)
{
    return words_of(event)->name;
}

/* The names of status bits, VirtIO 1.3 §2.1. */
static const struct {
    uint8_t bit;
    char name[20];
} status_names[] = {
    {VIRTIO_STATUS_ACKNOWLEDGE,         "ACKNOWLEDGE"       },
    { VIRTIO_STATUS_DRIVER,             "DRIVER"            },
    { VIRTIO_STATUS_FEATURES_OK,        "FEATURES_OK"       },
    { VIRTIO_STATUS_DRIVER_OK,          "DRIVER_OK"         },
    { VIRTIO_STATUS_DEVICE_NEEDS_RESET, "DEVICE_NEEDS_RESET"},
    { VIRTIO_STATUS_FAILED,             "FAILED"            },
};

static void
text_status(struct text *text, uint64_t status)
{
    uint64_t unnamed = status;
    const char *separator = "";
    for (size_t i = 0; i < sizeof(status_names) / sizeof(status_names[0]); i++) {
        if ((status & status_names[i].bit) != 0) {
            virtio_text_string(text, separator);
            virtio_text_string(text, status_names[i].name);
            separator = "|";
            unnamed &= ~(uint64_t)status_names[i].bit;
        }
    }
    if (unnamed != 0 || status == 0) {
        virtio_text_string(text, separator);
        virtio_text_string(text, unnamed != 0 ? "0x" : "");
        virtio_text_number(text, unnamed, 16, 1, '0');
    }
}

static void
text_sixteen(struct text *text, const struct trace_record *record)
{
    char chars[TRACE_BYTES_PER_RECORD];
    memcpy(chars, &record->a, sizeof(record->a));
    memcpy(chars + sizeof(record->a), &record->b, sizeof(record->b));
    virtio_text_chars(text, chars, sizeof(chars));
}

/* Does the format at `at` go on with `word`? Then step over it. */
static bool
is_next(const char **at, const char *word)
{
    const char *here = *at;
    for (; *word != '\0'; word++, here++) {
        if (*here != *word) {
            return false;
        }
    }
    *at = here;
    return true;
}

/* One {...} of trace.def's text, from behind the brace; returns what follows the closing one. */
static const char *
text_field(struct text *text, const char *at, const struct trace_record *record)
{
    uint64_t value = le64_get(*at == 'a' ? record->a : record->b);
    if (is_next(&at, "ab:s}")) {
        text_sixteen(text, record);
        return at;
    }
    at++;
    if (is_next(&at, ".lo")) {
        value &= UINT32_MAX;
    } else if (is_next(&at, ".hi")) {
        value >>= 32;
    }
    if (is_next(&at, ":x")) {
        virtio_text_string(text, "0x");
        virtio_text_number(text, value, 16, 1, '0');
    } else if (is_next(&at, ":status")) {
        text_status(text, value);
    } else if (is_next(&at, ":err")) {
        virtio_text_string(text, virtio_err_name((enum virtio_err)value));
    } else {
        virtio_text_number(text, value, 10, 1, ' ');
    }
    return at + 1;
}

/* "   12.345678901 device 3 queue 0 #17 " */
static void
text_head(struct text *text, const struct trace_record *record)
{
    const uint64_t second_ns = UINT64_C(1000000000);
    uint64_t time_ns = le64_get(record->time_ns);
    virtio_text_number(text, time_ns / second_ns, 10, 5, ' ');
    virtio_text_char(text, '.');
    virtio_text_number(text, time_ns % second_ns, 10, 9, '0');
    bool is_device_side = (record->origin & TRACE_ORIGIN_DEVICE_SIDE) != 0;
    virtio_text_string(text, is_device_side ? " <device " : " device ");
    virtio_text_number(text, record->origin & (TRACE_ORIGIN_DEVICE_SIDE - 1U), 10, 1, ' ');
    if (record->queue != TRACE_QUEUE_NONE) {
        virtio_text_string(text, " queue ");
        virtio_text_number(text, record->queue, 10, 1, ' ');
    }
    if (record->cookie.raw != 0) {
        virtio_text_string(text, " #");
        virtio_text_number(text, le32_get(record->cookie), 10, 1, ' ');
    }
    virtio_text_char(text, ' ');
}

size_t
virtio_trace_format(const struct trace_record *record, char *text, size_t bytes)
{
    struct text line = virtio_text_start(text, bytes);
    text_head(&line, record);
    const char *at = words_of(le16_get(record->event))->text;
    while (*at != '\0') {
        if (*at == '{') {
            at = text_field(&line, at + 1, record);
        } else {
            virtio_text_char(&line, *at++);
        }
    }
    return line.used;
}
