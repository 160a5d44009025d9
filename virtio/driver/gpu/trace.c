/*
 * The GPU's records of the trace as text: commands and responses joined from the byte records that
 * follow them. Contract: virtio/gpu.h.
 */
#include "virtio/core/text.h"
#include "virtio/driver/gpu/messages.h"
#include "virtio/driver/trace_command.h"
#include "virtio/gpu.h"

enum { BYTES_MAX = 512 }; /* of a command or response */

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

/* Is it the end of a command that has no response, as the cursor's? Then its buffers came back, and that was all. */
static bool
is_without_response(const struct trace_record *record)
{
    const struct vgpu_message *message = vgpu_message_find((uint32_t)(le64_get(record->a) >> 32));
    return le16_get(record->event) == TRACE_GPU_RESPONSE && message != NULL &&
           message->answer == NULL;
}

/* The command or response of a TRACE_GPU_REQUEST or TRACE_GPU_RESPONSE record with all its fields. */
static void
put_fields(struct text *line, const struct virtio_trace_reader *reader,
           const struct trace_record *record)
{
    uint8_t bytes[BYTES_MAX];
    size_t joined_bytes = virtio_trace_join(reader, record, bytes, sizeof(bytes));
    char *text = line->chars + line->used;
    size_t text_bytes = line->bytes - line->used;
    if (le16_get(record->event) == TRACE_GPU_REQUEST) {
        line->used +=
            vgpu_format_request(bytes, request_bytes(record, joined_bytes), text, text_bytes);
    } else {
        line->used +=
            vgpu_format_response(bytes, response_bytes(record, joined_bytes), text, text_bytes);
    }
}

static void
put_states(struct text *line, const struct trace_record *record)
{
    virtio_text_string(line, vgpu_state_name((enum vgpu_state)(uint32_t)le64_get(record->a)));
    virtio_text_string(line, " -> ");
    virtio_text_string(line, vgpu_state_name((enum vgpu_state)le64_get(record->b)));
}

size_t
vgpu_trace_format(const struct virtio_trace_reader *reader, const struct trace_record *record,
                  char *text, size_t text_bytes)
{
    uint16_t event = le16_get(record->event);
    bool is_gpu = event >= TRACE_GPU_REQUEST && event <= TRACE_GPU_DISPLAY_EVENT;
    if (!is_gpu && event != TRACE_GPU_ENTRY) {
        return 0;
    }
    if (event > TRACE_GPU_TIMEOUT) {
        return virtio_trace_format(record, text, text_bytes);
    }
    struct text line = trace_line_start(record, text, text_bytes);
    if (event == TRACE_GPU_STATE) {
        put_states(&line, record);
    } else if (event == TRACE_GPU_TIMEOUT) {
        virtio_text_string(&line, vgpu_type_name((uint32_t)le64_get(record->a)));
    } else if (is_without_response(record)) {
        virtio_text_string(&line, vgpu_type_name((uint32_t)(le64_get(record->a) >> 32)));
        virtio_text_string(&line, " has no response");
    } else {
        put_fields(&line, reader, record);
    }
    return line.used;
}

bool
vgpu_trace_command(const struct trace_record *record, struct trace_command *command)
{
    *command = (struct trace_command){
        .category = "gpu",
        .name = vgpu_type_name((uint32_t)(le64_get(record->a) >> 32)),
        .latency_ns = le64_get(record->b),
    };
    return le16_get(record->event) == TRACE_GPU_RESPONSE;
}
