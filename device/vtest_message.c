/*
 * vtest_message.c - lengths, counts and offsets of vtest messages.
 */
#include "device/vtest_message.h"

#include <string.h>

#define VARIES UINT32_MAX

struct command_shape {
    const char *name;
    uint32_t dword_count; /* VARIES: checked by the reader of the command */
    bool has_bytes;       /* the length counts bytes */
};

static const struct command_shape shapes[] = {
    [VTEST_RESOURCE_UNREF] = {"RESOURCE_UNREF",         1,      false},
    [VTEST_RESOURCE_BUSY_WAIT] = { "RESOURCE_BUSY_WAIT",    2,      false},
    [VTEST_CREATE_RENDERER] = { "CREATE_RENDERER",       VARIES, true },
    [VTEST_PING_PROTOCOL_VERSION] = { "PING_PROTOCOL_VERSION", 0,      false},
    [VTEST_PROTOCOL_VERSION] = { "PROTOCOL_VERSION",      1,      false},
    [VTEST_GET_PARAM] = { "GET_PARAM",             1,      false},
    [VTEST_GET_CAPSET] = { "GET_CAPSET",            2,      false},
    [VTEST_CONTEXT_INIT] = { "CONTEXT_INIT",          1,      false},
    [VTEST_RESOURCE_CREATE_BLOB] = { "RESOURCE_CREATE_BLOB",  6,      false},
    [VTEST_SYNC_CREATE] = { "SYNC_CREATE",           2,      false},
    [VTEST_SYNC_UNREF] = { "SYNC_UNREF",            1,      false},
    [VTEST_SYNC_READ] = { "SYNC_READ",             1,      false},
    [VTEST_SYNC_WRITE] = { "SYNC_WRITE",            3,      false},
    [VTEST_SYNC_WAIT] = { "SYNC_WAIT",             VARIES, false},
    [VTEST_SUBMIT_CMD2] = { "SUBMIT_CMD2",           VARIES, false},
};
enum { SHAPE_COUNT = sizeof(shapes) / sizeof(shapes[0]) };

/* The words of a batch's header, in their order. */
enum batch_word { FLAGS, CMD_OFFSET, CMD_SIZE, SYNC_OFFSET, SYNC_COUNT, RING_IDX };

const char *
vtest_command_name(uint32_t command)
{
    bool is_known = command < SHAPE_COUNT && shapes[command].name != NULL;
    return is_known ? shapes[command].name : "?";
}

static bool
refuse_command(uint32_t command, struct fault *fault)
{
    if (command >= 25 && command <= 38) {
        return refuse(fault,
                      "command %u is one of DRM's sync objects (25 to 38), which this server "
                      "does not have: GET_PARAM(2) says 0",
                      command);
    }
    return refuse(fault,
                  "command %u is none that a Venus client may send (3, 7, 8, 10, 11, 15 to 24)",
                  command);
}

bool
vtest_header_read(const uint32_t words[2], struct vtest_header *header, struct fault *fault)
{
    uint32_t length = words[0];
    uint32_t command = words[1];
    if (command >= SHAPE_COUNT || shapes[command].name == NULL) {
        return refuse_command(command, fault);
    }
    const struct command_shape *shape = &shapes[command];
    uint64_t bytes = shape->has_bytes ? length : (uint64_t)length * 4;
    uint32_t most = shape->has_bytes ? VTEST_NAME_BYTES_MAX : VTEST_PAYLOAD_BYTES_MAX;
    if (shape->dword_count != VARIES && length != shape->dword_count) {
        return refuse(fault, "%s has %u dwords of payload, right is %u", shape->name, length,
                      shape->dword_count);
    }
    if (bytes > most) {
        return refuse(fault, "%s has %llu bytes of payload, the most is %u", shape->name,
                      (unsigned long long)bytes, most);
    }
    *header = (struct vtest_header){ (enum vtest_command)command, (uint32_t)bytes };
    return true;
}

static bool
read_wait(const struct vtest_message *message, struct fault *fault)
{
    if (message->dword_count < 2 || (message->dword_count - 2) % VTEST_SYNC_DWORDS != 0) {
        return refuse(fault, "SYNC_WAIT has %u dwords of payload, right is 2 and 3 per sync",
                      message->dword_count);
    }
    if ((message->payload[0] & ~(uint32_t)VTEST_WAIT_ANY) != 0) {
        return refuse(fault, "SYNC_WAIT has flags 0x%x, right is 0 or 1", message->payload[0]);
    }
    return true;
}

static bool
read_name(const struct vtest_header *header, const void *payload, struct fault *fault)
{
    if (header->payload_bytes == 0 || memchr(payload, '\0', header->payload_bytes) == NULL) {
        return refuse(fault, "CREATE_RENDERER has a name of %u bytes without its final 0",
                      header->payload_bytes);
    }
    return true;
}

/* Where the first command or sync lies, if batch headers are `stride` dwords apart; 0 when none of them has any. */
static uint64_t
first_offset(const struct vtest_message *message, uint32_t stride)
{
    uint64_t first = UINT64_MAX;
    for (uint32_t i = 0; i < message->batch_count; i++) {
        const uint32_t *batch = message->payload + 1 + (size_t)i * stride;
        if (batch[CMD_SIZE] > 0 && batch[CMD_OFFSET] < first) {
            first = batch[CMD_OFFSET];
        }
        if (batch[SYNC_COUNT] > 0 && batch[SYNC_OFFSET] < first) {
            first = batch[SYNC_OFFSET];
        }
    }
    return first == UINT64_MAX ? 0 : first;
}

/* Whether the data follow the headers without a gap; a message without data ends with its headers. */
static bool
is_stride(const struct vtest_message *message, uint32_t stride)
{
    uint64_t header_dwords = 1 + (uint64_t)message->batch_count * stride;
    if (header_dwords > message->dword_count) {
        return false;
    }
    uint64_t first = first_offset(message, stride);
    return first == header_dwords || (first == 0 && header_dwords == message->dword_count);
}

/*
 * Headers have 6 dwords in protocol 3 and 8 in protocol 4, but clients send 8 whatever was negotiated: so the data
 * themselves must tell.
 */
static uint32_t
find_stride(const struct vtest_message *message)
{
    static const uint32_t strides[] = { VTEST_BATCH_DWORDS_V4, VTEST_BATCH_DWORDS_V3 };
    for (unsigned i = 0; i < 2; i++) {
        if (is_stride(message, strides[i])) {
            return strides[i];
        }
    }
    return 0;
}

static bool
is_within(const struct vtest_message *message, uint64_t offset, uint64_t dword_count)
{
    uint64_t header_dwords = 1 + (uint64_t)message->batch_count * message->batch_dwords;
    return dword_count == 0 ||
           (offset >= header_dwords && offset + dword_count <= message->dword_count);
}

static bool
read_batch(const struct vtest_message *message, uint32_t idx, struct fault *fault)
{
    const uint32_t *batch = message->payload + 1 + (size_t)idx * message->batch_dwords;
    if ((batch[FLAGS] & ~(uint32_t)VTEST_BATCH_HAS_RING_IDX) != 0) {
        return refuse(fault,
                      "SUBMIT_CMD2 batch %u has flags 0x%x, right is 0 or 1 (fence fds need "
                      "DRM's sync objects)",
                      idx, batch[FLAGS]);
    }
    if (batch[FLAGS] != 0 && batch[RING_IDX] >= 64) {
        return refuse(fault, "SUBMIT_CMD2 batch %u has ring_idx %u, right is 0 to 63", idx,
                      batch[RING_IDX]);
    }
    if (!is_within(message, batch[CMD_OFFSET], batch[CMD_SIZE])) {
        return refuse(fault,
                      "SUBMIT_CMD2 batch %u has %u dwords of commands at %u, outside of the "
                      "data of a message of %u",
                      idx, batch[CMD_SIZE], batch[CMD_OFFSET], message->dword_count);
    }
    if (!is_within(message, batch[SYNC_OFFSET], (uint64_t)batch[SYNC_COUNT] * VTEST_SYNC_DWORDS)) {
        return refuse(fault,
                      "SUBMIT_CMD2 batch %u has %u syncs at %u, outside of the data of a "
                      "message of %u dwords",
                      idx, batch[SYNC_COUNT], batch[SYNC_OFFSET], message->dword_count);
    }
    return true;
}

static bool
read_submit(struct vtest_message *message, struct fault *fault)
{
    if (message->dword_count == 0) {
        return refuse(fault, "SUBMIT_CMD2 has no payload, right is a count of batches first");
    }
    message->batch_count = message->payload[0];
    message->batch_dwords = find_stride(message);
    if (message->batch_dwords == 0) {
        return refuse(fault,
                      "SUBMIT_CMD2 has %u batches in %u dwords: their headers have neither 8 "
                      "nor 6 dwords each, directly before the data",
                      message->batch_count, message->dword_count);
    }
    for (uint32_t i = 0; i < message->batch_count; i++) {
        if (!read_batch(message, i, fault)) {
            return false;
        }
    }
    return true;
}

bool
vtest_message_read(const struct vtest_header *header, const void *payload,
                   struct vtest_message *message, struct fault *fault)
{
    *message = (struct vtest_message){
        .command = header->command,
        .payload = payload,
        .dword_count = header->payload_bytes / 4,
    };
    switch (header->command) {
    case VTEST_CREATE_RENDERER: return read_name(header, payload, fault);
    case VTEST_SYNC_WAIT: return read_wait(message, fault);
    case VTEST_SUBMIT_CMD2: return read_submit(message, fault);
    default: return true;
    }
}

struct vtest_batch
vtest_batch_read(const struct vtest_message *message, uint32_t idx)
{
    const uint32_t *batch = message->payload + 1 + (size_t)idx * message->batch_dwords;
    bool has_commands = batch[CMD_SIZE] > 0;
    bool has_syncs = batch[SYNC_COUNT] > 0;
    return (struct vtest_batch){
        .commands = has_commands ? message->payload + batch[CMD_OFFSET] : NULL,
        .command_bytes = batch[CMD_SIZE] * 4,
        .syncs = has_syncs ? message->payload + batch[SYNC_OFFSET] : NULL,
        .sync_count = batch[SYNC_COUNT],
        .ring_idx = batch[FLAGS] != 0 ? batch[RING_IDX] : 0,
    };
}
