/*
 * vtest_message.h - one vtest message, from bytes to checked fields.
 *
 * Pure functions, so that tests and fuzzers need no socket:
 *
 *      vtest_header_read ──▶ how many payload bytes to receive ──▶ vtest_message_read ──▶ struct vtest_message
 *
 * The client is never trusted.  Each refusal is one sentence: which command, what was found, what is right.
 */
#ifndef DEVICE_VTEST_MESSAGE_H
#define DEVICE_VTEST_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/fault.h"
#include "device/vtest_wire.h"

enum {
    VTEST_PAYLOAD_BYTES_MAX = 64 << 20,
    VTEST_NAME_BYTES_MAX = 4096,
};

struct vtest_header {
    enum vtest_command command;
    uint32_t payload_bytes;
};

struct vtest_message {
    enum vtest_command command;
    const uint32_t *payload; /* the receiver's buffer */
    uint32_t dword_count;
    uint32_t batch_count;  /* SUBMIT_CMD2 */
    uint32_t batch_dwords; /* SUBMIT_CMD2: from one batch header to the next */
};

/* A batch of SUBMIT_CMD2; all within the message. */
struct vtest_batch {
    const uint32_t *commands;
    uint32_t command_bytes;
    const uint32_t *syncs; /* sync_count times id, value low, value high */
    uint32_t sync_count;
    uint32_t ring_idx;
};

/* What a command is called; "?" when there is none of this number. */
const char *vtest_command_name(uint32_t command);

/*
 * Reads the two dwords before a payload.
 * Returns: true, and *header says how many bytes follow (at most VTEST_PAYLOAD_BYTES_MAX); false and *fault: no such
 * command, or none of this length.
 */
bool vtest_header_read(const uint32_t words[2], struct vtest_header *header, struct fault *fault);

/*
 * Reads a message whose header was accepted.  payload: header->payload_bytes bytes, 4-aligned; must outlive *message.
 * Every count and offset in it is checked: vtest_batch_read and vtest_message_u64 cannot leave it.
 * Returns: true; false and *fault.
 */
bool vtest_message_read(const struct vtest_header *header, const void *payload,
                        struct vtest_message *message, struct fault *fault);

/* Batch number idx (less than batch_count) of an accepted SUBMIT_CMD2. */
struct vtest_batch vtest_batch_read(const struct vtest_message *message, uint32_t idx);

/* Two dwords of an array, low one first. */
static inline uint64_t
vtest_u64(const uint32_t *words)
{
    return words[0] | (uint64_t)words[1] << 32;
}

#endif
