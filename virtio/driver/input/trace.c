/*
 * The input driver's records of the trace, with the names of evdev's types. Contract: virtio/input.h.
 */
#include "virtio/driver/input/input_private.h"
#include "virtio/driver/trace_command.h"

const char *
vinput_type_name(uint16_t type)
{
    switch (type) {
    case VIRTIO_INPUT_EV_SYN: return "SYN";
    case VIRTIO_INPUT_EV_KEY: return "KEY";
    case VIRTIO_INPUT_EV_REL: return "REL";
    case VIRTIO_INPUT_EV_ABS: return "ABS";
    case VIRTIO_INPUT_EV_LED: return "LED";
    default: return "other type";
    }
}

static uint16_t
type_of(const struct trace_record *record)
{
    return (uint16_t)le64_get(record->a);
}

static void
put_signed(struct text *line, uint32_t value)
{
    bool is_negative = (int32_t)value < 0;
    virtio_text_string(line, is_negative ? " -" : " ");
    virtio_text_number(line, is_negative ? -value : value, 10, 1, ' ');
}

size_t
vinput_trace_format(const struct virtio_trace_reader *reader, const struct trace_record *record,
                    char *text, size_t text_bytes)
{
    uint16_t event = le16_get(record->event);
    (void)reader; /* each record tells all by itself */
    if (event != TRACE_INPUT_EVENT && event != TRACE_INPUT_STATUS &&
        event != TRACE_INPUT_STATUS_USED) {
        return 0;
    }
    struct text line = trace_line_start(record, text, text_bytes);
    virtio_text_string(&line, vinput_type_name(type_of(record)));
    if (event != TRACE_INPUT_STATUS_USED) {
        virtio_text_char(&line, ' ');
        virtio_text_number(&line, le64_get(record->a) >> 32, 10, 1, ' ');
        virtio_text_string(&line, " =");
        put_signed(&line, (uint32_t)le64_get(record->b));
    }
    return line.used;
}

bool
vinput_trace_command(const struct trace_record *record, struct trace_command *command)
{
    *command = (struct trace_command){
        .category = "input",
        .name = vinput_type_name(type_of(record)),
        .latency_ns = le64_get(record->b),
    };
    return le16_get(record->event) == TRACE_INPUT_STATUS_USED;
}
