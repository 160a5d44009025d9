/*
 * The network driver's records of the trace: control commands with their data, frames with their headers. Contract: virtio/net.h.
 */
#include "virtio/core/memory.h"
#include "virtio/driver/net/net_private.h"
#include "virtio/driver/trace_command.h"

enum {
    COMMAND_BYTES_MAX = 256, /* of a command's data; the driver's own longest is 200 */
    FRAME_BYTES_SHOWN = 16,  /* one record: the Ethernet header lies in it */
    ETHER_TYPE_OFFSET = 12,
};

static const char ack_names[][4] = { [VIRTIO_NET_OK] = "OK", [VIRTIO_NET_ERR] = "ERR" };

const char *
vnet_control_name(enum vnet_control control)
{
    return vnet_control_kinds[control].name;
}

static const struct vnet_control_kind *
kind_of(const struct trace_record *record)
{
    uint64_t a = le64_get(record->a);
    for (size_t i = 0; i < VNET_CONTROL_COUNT; i++) {
        const struct vnet_control_kind *kind = &vnet_control_kinds[i];
        if (a == (kind->class | (uint64_t)kind->command << 32)) {
            return kind;
        }
    }
    return NULL;
}

static const char *
name_of(const struct trace_record *record)
{
    const struct vnet_control_kind *kind = kind_of(record);
    return kind != NULL ? kind->name : "unknown command";
}

static void
put_mac(struct text *line, const uint8_t *mac)
{
    for (size_t i = 0; i < VIRTIO_NET_MAC_BYTES; i++) {
        virtio_text_string(line, i > 0 ? ":" : "");
        virtio_text_number(line, mac[i], 16, 2, '0');
    }
}

/* One table of the MAC filter. Returns: its bytes; all of `bytes` where they are no whole table. */
static size_t
put_table(struct text *line, const char *name, const uint8_t *data, size_t bytes)
{
    le32 entries = { 0 };
    memcpy(&entries, data, bytes < sizeof(entries) ? bytes : sizeof(entries));
    size_t at = sizeof(entries);
    virtio_text_string(line, name);
    virtio_text_char(line, '[');
    for (uint32_t i = 0; i < le32_get(entries); i++, at += VIRTIO_NET_MAC_BYTES) {
        if (bytes < at + VIRTIO_NET_MAC_BYTES) {
            virtio_text_string(line, " ...]");
            return bytes;
        }
        virtio_text_string(line, i > 0 ? " " : "");
        put_mac(line, data + at);
    }
    virtio_text_char(line, ']');
    return at < bytes ? at : bytes;
}

static void
put_command(struct text *line, const struct virtio_trace_reader *reader,
            const struct trace_record *record)
{
    uint8_t data[COMMAND_BYTES_MAX] = { 0 };
    size_t bytes = virtio_trace_join(reader, record, data, sizeof(data));
    const struct vnet_control_kind *kind = kind_of(record);
    bytes = le64_get(record->b) < bytes ? (size_t)le64_get(record->b) : bytes;
    virtio_text_string(line, name_of(record));
    virtio_text_char(line, ' ');
    if (bytes == 0 || kind == NULL) {
        virtio_text_string(line, bytes == 0 ? "without data" : "");
    } else if (kind->data == VNET_DATA_SWITCH) {
        virtio_text_string(line, data[0] != 0 ? "on" : "off");
    } else if (kind->data == VNET_DATA_MAC) {
        put_mac(line, data);
    } else {
        size_t first = put_table(line, "unicast ", data, bytes);
        (void)put_table(line, " multicast ", data + first, bytes - first);
    }
}

static void
put_ack(struct text *line, const struct trace_record *record)
{
    uint32_t ack = (uint32_t)le64_get(record->b);
    bool is_known = ack < sizeof(ack_names) / sizeof(ack_names[0]);
    virtio_text_string(line, is_known ? ack_names[ack] : "no such ack");
    virtio_text_string(line, " to ");
    virtio_text_string(line, name_of(record));
}

static void
put_frame(struct text *line, const struct virtio_trace_reader *reader,
          const struct trace_record *record)
{
    uint8_t frame[FRAME_BYTES_SHOWN];
    if (virtio_trace_join(reader, record, frame, sizeof(frame)) != sizeof(frame)) {
        virtio_text_string(line, "its bytes are gone");
        return;
    }
    virtio_text_string(line, "to ");
    put_mac(line, frame);
    virtio_text_string(line, " from ");
    put_mac(line, frame + VIRTIO_NET_MAC_BYTES);
    virtio_text_string(line, " type 0x");
    virtio_text_number(line, frame[ETHER_TYPE_OFFSET] * 256U + frame[ETHER_TYPE_OFFSET + 1], 16, 4,
                       '0');
}

size_t
vnet_trace_format(const struct virtio_trace_reader *reader, const struct trace_record *record,
                  char *text, size_t text_bytes)
{
    struct text line;
    switch (le16_get(record->event)) {
    case TRACE_NET_SEND:
    case TRACE_NET_RECEIVE:
        line = trace_line_start(record, text, text_bytes);
        put_frame(&line, reader, record);
        return line.used;
    case TRACE_NET_COMMAND:
        line = trace_line_start(record, text, text_bytes);
        put_command(&line, reader, record);
        return line.used;
    case TRACE_NET_CONTROL:
        line = trace_line_start(record, text, text_bytes);
        put_ack(&line, record);
        return line.used;
    case TRACE_NET_COMMAND_TIMEOUT:
        line = trace_line_start(record, text, text_bytes);
        virtio_text_string(&line, name_of(record));
        return line.used;
    default: return 0;
    }
}

/* A frame that was sent has come to its end, too; one that was received has never been asked for. */
bool
vnet_trace_command(const struct trace_record *record, struct trace_command *command)
{
    bool is_control = le16_get(record->event) == TRACE_NET_CONTROL;
    *command = (struct trace_command){
        .category = "net",
        .name = is_control ? name_of(record) : "send",
        .latency_ns = is_control ? le64_get(record->b) >> 32 : le64_get(record->b),
    };
    return is_control || le16_get(record->event) == TRACE_NET_SENT;
}
