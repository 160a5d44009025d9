/*
 * The block driver's records of the trace, with their names. Contract: virtio/blk.h.
 */
#include "virtio/core/memory.h"
#include "virtio/driver/blk/blk_private.h"
#include "virtio/driver/trace_command.h"

static const char status_names[][8] = {
    [VIRTIO_BLK_S_OK] = "OK",
    [VIRTIO_BLK_S_IOERR] = "IOERR",
    [VIRTIO_BLK_S_UNSUPP] = "UNSUPP",
};

const char *
vblk_type_name(enum vblk_type type)
{
    return vblk_kinds[type].name;
}

static const char *
wire_type_name(uint32_t wire_type)
{
    for (size_t i = 0; i < VBLK_TYPE_COUNT; i++) {
        if (vblk_kinds[i].wire_type == wire_type) {
            return vblk_kinds[i].name;
        }
    }
    return "unknown type";
}

/* The type of the request that a response or timeout belongs to, or of the request itself. */
static uint32_t
type_of(const struct trace_record *record)
{
    uint64_t a = le64_get(record->a);
    return le16_get(record->event) == TRACE_BLK_RESPONSE ? (uint32_t)(a >> 32) : (uint32_t)a;
}

static void
put_response(struct text *line, const struct virtio_trace_reader *reader,
             const struct trace_record *record)
{
    uint32_t status = (uint32_t)le64_get(record->a);
    uint8_t id[2 * TRACE_BYTES_PER_RECORD];
    virtio_text_string(line, status < sizeof(status_names) / sizeof(status_names[0])
                                 ? status_names[status]
                                 : "no such status");
    virtio_text_string(line, " to ");
    virtio_text_string(line, wire_type_name(type_of(record)));
    if (type_of(record) == VIRTIO_BLK_T_GET_ID && status == VIRTIO_BLK_S_OK &&
        virtio_trace_join(reader, record, id, sizeof(id)) == sizeof(id)) {
        virtio_text_string(line, ", id \"");
        virtio_text_chars(line, (const char *)id, VIRTIO_BLK_ID_BYTES);
        virtio_text_char(line, '"');
    }
}

size_t
vblk_trace_format(const struct virtio_trace_reader *reader, const struct trace_record *record,
                  char *text, size_t text_bytes)
{
    uint16_t event = le16_get(record->event);
    if (event != TRACE_BLK_REQUEST && event != TRACE_BLK_RESPONSE && event != TRACE_BLK_TIMEOUT) {
        return 0;
    }
    struct text line = trace_line_start(record, text, text_bytes);
    if (event == TRACE_BLK_RESPONSE) {
        put_response(&line, reader, record);
    } else {
        virtio_text_string(&line, wire_type_name(type_of(record)));
    }
    return line.used;
}

bool
vblk_trace_command(const struct trace_record *record, struct trace_command *command)
{
    *command = (struct trace_command){
        .category = "blk",
        .name = wire_type_name(type_of(record)),
        .latency_ns = le64_get(record->b),
    };
    return le16_get(record->event) == TRACE_BLK_RESPONSE;
}
