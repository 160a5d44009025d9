/*
 * The GPU's records of the trace as text: commands and responses joined from the byte records that
 * follow them. Contract: virtio/gpu.h.
 */
#include "virtio/core/text.h"
#include "virtio/driver/gpu/trace_join.h"

/* Records of others may stand between those of one command. */
enum { LOOK_AHEAD_RECORDS = 4 * VGPU_TRACE_BYTES_MAX / TRACE_BYTES_PER_RECORD };

size_t
vgpu_trace_join(const struct virtio_trace_reader *reader, const struct trace_record *record,
                uint8_t bytes[VGPU_TRACE_BYTES_MAX])
{
    struct virtio_trace_reader ahead = *reader;
    struct trace_record next;
    size_t count = 0;
    for (unsigned i = 0; i < LOOK_AHEAD_RECORDS && count < VGPU_TRACE_BYTES_MAX; i++) {
        if (virtio_trace_read(&ahead, &next) != VIRTIO_OK) {
            break;
        }
        if (next.cookie.raw != record->cookie.raw || next.origin != record->origin) {
            continue;
        }
        if (le16_get(next.event) != TRACE_BYTES) {
            break; /* the command's next event: it has no more bytes */
        }
        memcpy(bytes + count, &next.a, sizeof(next.a));
        memcpy(bytes + count + sizeof(next.a), &next.b, sizeof(next.b));
        count += TRACE_BYTES_PER_RECORD;
    }
    return count;
}

/* The last record is filled up; what the command's own length says counts. */
static size_t
request_bytes(const struct trace_record *record, size_t joined_bytes)
{
    uint64_t bytes = le64_get(record->b);
    return bytes < joined_bytes ? (size_t)bytes : joined_bytes;
}

/*
 * A response whose record says less than its type needs was short; one that was filled up is as
 * long as its type.
 */
static size_t
response_bytes(const struct trace_record *record, size_t joined_bytes)
{
    const struct vgpu_answer *answer = vgpu_answer_find((uint32_t)le64_get(record->a));
    size_t bytes = answer != NULL ? answer->bytes_max : sizeof(struct virtio_gpu_ctrl_hdr);
    return bytes != 0 && bytes < joined_bytes ? bytes : joined_bytes;
}

size_t
vgpu_trace_fields(const struct virtio_trace_reader *reader, const struct trace_record *record,
                  char *text, size_t text_bytes)
{
    uint8_t bytes[VGPU_TRACE_BYTES_MAX];
    size_t joined_bytes = vgpu_trace_join(reader, record, bytes);
    if (le16_get(record->event) == TRACE_GPU_REQUEST) {
        return vgpu_format_request(bytes, request_bytes(record, joined_bytes), text, text_bytes);
    }
    return vgpu_format_response(bytes, response_bytes(record, joined_bytes), text, text_bytes);
}

static size_t
append(char *text, size_t text_bytes, size_t used, const char *more)
{
    struct text line = virtio_text_start(text + used, text_bytes - used);
    virtio_text_string(&line, more);
    return used + line.used;
}

static size_t
append_state(const struct trace_record *record, char *text, size_t text_bytes, size_t used)
{
    used = append(text, text_bytes, used, ": ");
    used = append(text, text_bytes, used,
                  vgpu_state_name((enum vgpu_state)(uint32_t)le64_get(record->a)));
    used = append(text, text_bytes, used, " -> ");
    return append(text, text_bytes, used, vgpu_state_name((enum vgpu_state)le64_get(record->b)));
}

size_t
vgpu_trace_format(const struct virtio_trace_reader *reader, const struct trace_record *record,
                  char *text, size_t text_bytes)
{
    uint16_t event = le16_get(record->event);
    if (event < TRACE_GPU_REQUEST || event > TRACE_GPU_DISPLAY_EVENT) {
        return 0;
    }
    size_t used = virtio_trace_format(record, text, text_bytes);
    if (event == TRACE_GPU_STATE) {
        return append_state(record, text, text_bytes, used);
    }
    if (event == TRACE_GPU_REQUEST || event == TRACE_GPU_RESPONSE) {
        used = append(text, text_bytes, used, ": ");
        used += vgpu_trace_fields(reader, record, text + used, text_bytes - used);
    }
    return used;
}
