/*
 * net pcapng: the frames that the trace has kept, as a capture file that network tools read, in hexadecimal between two lines
 * that ./run --trace FILE.pcapng looks for. Only the first VNET_TRACE_BYTES of each frame are there.
 * Source: draft-ietf-opsawg-pcapng, blocks of sections 4.1, 4.2 and 4.3.
 */
#include <string.h>

#include "abi/endian.h"

#include "kernel/core/bootargs.h"
#include "kernel/core/console.h"
#include "kernel/drv/virtio_bus.h"
#include "kernel/net/cmd_net.h"

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    LINKTYPE_ETHERNET = 1,
    OPTION_END = 0,
    OPTION_FLAGS = 2,
    OPTION_TIME_UNIT = 9,
    TIME_UNIT_NS = 9,
    FLAG_INBOUND = 1,
    FLAG_OUTBOUND = 2,
    BLOCK_BYTES_MAX = 192,
    HEX_BYTES_PER_LINE = 32,
};

/* A block under construction. */
struct block {
    uint8_t bytes[BLOCK_BYTES_MAX];
    uint32_t length;
};

/* The frame whose bytes are being gathered; captured_bytes up to wanted_bytes. */
struct capture {
    uint64_t time_ns;
    uint32_t cookie; /* 0: none */
    uint32_t frame_bytes;
    uint32_t wanted_bytes;
    uint32_t captured_bytes;
    bool is_inbound;
    uint8_t bytes[VNET_TRACE_BYTES];
};

static void
put(struct block *block, const void *bytes, uint32_t count)
{
    memcpy(block->bytes + block->length, bytes, count);
    block->length += count;
}

static void
put16(struct block *block, uint16_t value)
{
    le16 field = le16_from(value);

    put(block, &field, sizeof(field));
}

static void
put32(struct block *block, uint32_t value)
{
    le32 field = le32_from(value);

    put(block, &field, sizeof(field));
}

static struct block
begin(uint32_t type)
{
    struct block block = { .length = 0 };

    put32(&block, type);
    put32(&block, 0); /* the length, once it is known */
    return block;
}

/* A block's length stands at both ends. */
static void
end(struct block *block)
{
    put32(block, block->length + sizeof(uint32_t));
    le32 length = le32_from(block->length);
    memcpy(block->bytes + sizeof(uint32_t), &length, sizeof(length));
    for (uint32_t i = 0; i < block->length; i++) {
        bool is_line_end = i + 1 == block->length || (i + 1) % HEX_BYTES_PER_LINE == 0;

        console_print("%02x%s", block->bytes[i], is_line_end ? "\n" : "");
    }
}

static void
print_file_header(void)
{
    struct block section = begin(BLOCK_SECTION);
    struct block interface = begin(BLOCK_INTERFACE);

    put32(&section, BYTE_ORDER_MAGIC);
    put16(&section, 1); /* version 1.0 */
    put16(&section, 0);
    put32(&section, UINT32_MAX); /* length unknown: 64 ones */
    put32(&section, UINT32_MAX);
    end(&section);

    put16(&interface, LINKTYPE_ETHERNET);
    put16(&interface, 0);
    put32(&interface, VNET_TRACE_BYTES);
    put16(&interface, OPTION_TIME_UNIT);
    put16(&interface, 1);
    put32(&interface, TIME_UNIT_NS);
    put32(&interface, OPTION_END);
    end(&interface);
}

static void
print_packet(const struct capture *capture)
{
    static const uint8_t padding[sizeof(uint32_t)];
    struct block packet = begin(BLOCK_PACKET);

    put32(&packet, 0); /* interface */
    put32(&packet, (uint32_t)(capture->time_ns >> 32));
    put32(&packet, (uint32_t)capture->time_ns);
    put32(&packet, capture->wanted_bytes);
    put32(&packet, capture->frame_bytes);
    put(&packet, capture->bytes, capture->wanted_bytes);
    put(&packet, padding, -packet.length % sizeof(uint32_t));
    put16(&packet, OPTION_FLAGS);
    put16(&packet, sizeof(uint32_t));
    put32(&packet, capture->is_inbound ? FLAG_INBOUND : FLAG_OUTBOUND);
    put32(&packet, OPTION_END);
    end(&packet);
}

static void
start_frame(struct capture *capture, const struct trace_record *record, bool is_inbound)
{
    uint64_t frame_bytes = le64_get(record->a);

    *capture = (struct capture){ .time_ns = le64_get(record->time_ns),
                                 .cookie = le32_get(record->cookie),
                                 .frame_bytes = (uint32_t)frame_bytes,
                                 .wanted_bytes = (uint32_t)min_u64(frame_bytes, VNET_TRACE_BYTES),
                                 .is_inbound = is_inbound };
}

/* Sixteen more bytes. Returns: whether the frame is complete. */
static bool
add_bytes(struct capture *capture, const struct trace_record *record)
{
    uint8_t halves[TRACE_BYTES_PER_RECORD];
    uint32_t left = capture->wanted_bytes - capture->captured_bytes;
    uint32_t count = left < sizeof(halves) ? left : (uint32_t)sizeof(halves);

    memcpy(halves, &record->a, sizeof(record->a));
    memcpy(halves + sizeof(record->a), &record->b, sizeof(record->b));
    memcpy(capture->bytes + capture->captured_bytes, halves, count);
    capture->captured_bytes += count;
    return capture->captured_bytes == capture->wanted_bytes;
}

static void
print_frames(const struct virtio_trace *trace)
{
    struct virtio_trace_reader reader = virtio_trace_read_start(trace);
    struct capture capture = { 0 };
    struct trace_record record;

    while (virtio_trace_read(&reader, &record) == VIRTIO_OK) {
        uint16_t event = le16_get(record.event);
        bool is_frame = event == TRACE_NET_SEND || event == TRACE_NET_RECEIVE;

        if (is_frame) {
            start_frame(&capture, &record, event == TRACE_NET_RECEIVE);
        } else if (event == TRACE_BYTES && capture.cookie != 0 &&
                   le32_get(record.cookie) == capture.cookie && add_bytes(&capture, &record)) {
            print_packet(&capture);
            capture.cookie = 0;
        }
    }
}

int
cmd_net_pcapng(const struct shell_call *call)
{
    struct virtio_trace *trace = virtio_bus_trace();

    if (trace == NULL) {
        return shell_fail(call, "pcapng: there is no trace");
    }
    bool was_on = trace->is_on;
    virtio_trace_enable(trace, false); /* the screen's own drawing would push the frames out */
    console_print("---TRACE BEGIN---%s\n", bootargs_token_mark());
    print_file_header();
    print_frames(trace);
    console_print("---TRACE END---%s\n", bootargs_token_mark());
    virtio_trace_enable(trace, was_on);
    return 0;
}
