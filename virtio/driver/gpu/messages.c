/*
 * The table of all messages, and the check that every response goes through. VirtIO 1.3 §5.7.6.7.
 */
#include "virtio/driver/gpu/messages.h"

const struct vgpu_answer vgpu_answer_nodata = {
    .type = VIRTIO_GPU_RESP_OK_NODATA,
    .bytes = sizeof(struct virtio_gpu_ctrl_hdr),
    .bytes_max = sizeof(struct virtio_gpu_ctrl_hdr),
    .name = "OK_NODATA",
};

static const struct vgpu_message *const messages[VGPU_MSG_COUNT] = {
    [VGPU_MSG_GET_DISPLAY_INFO] = &vgpu_msg_get_display_info,
    [VGPU_MSG_RESOURCE_CREATE_2D] = &vgpu_msg_resource_create_2d,
    [VGPU_MSG_RESOURCE_UNREF] = &vgpu_msg_resource_unref,
    [VGPU_MSG_SET_SCANOUT] = &vgpu_msg_set_scanout,
    [VGPU_MSG_RESOURCE_FLUSH] = &vgpu_msg_resource_flush,
    [VGPU_MSG_TRANSFER_TO_HOST_2D] = &vgpu_msg_transfer_to_host_2d,
    [VGPU_MSG_RESOURCE_ATTACH_BACKING] = &vgpu_msg_attach_backing,
    [VGPU_MSG_RESOURCE_DETACH_BACKING] = &vgpu_msg_detach_backing,
    [VGPU_MSG_GET_CAPSET_INFO] = &vgpu_msg_get_capset_info,
    [VGPU_MSG_GET_CAPSET] = &vgpu_msg_get_capset,
    [VGPU_MSG_GET_EDID] = &vgpu_msg_get_edid,
    [VGPU_MSG_RESOURCE_ASSIGN_UUID] = &vgpu_msg_assign_uuid,
    [VGPU_MSG_RESOURCE_CREATE_BLOB] = &vgpu_msg_create_blob,
    [VGPU_MSG_SET_SCANOUT_BLOB] = &vgpu_msg_set_scanout_blob,
    [VGPU_MSG_CTX_CREATE] = &vgpu_msg_ctx_create,
    [VGPU_MSG_CTX_DESTROY] = &vgpu_msg_ctx_destroy,
    [VGPU_MSG_CTX_ATTACH_RESOURCE] = &vgpu_msg_ctx_attach_resource,
    [VGPU_MSG_CTX_DETACH_RESOURCE] = &vgpu_msg_ctx_detach_resource,
    [VGPU_MSG_SUBMIT_3D] = &vgpu_msg_submit_3d,
    [VGPU_MSG_RESOURCE_MAP_BLOB] = &vgpu_msg_map_blob,
    [VGPU_MSG_RESOURCE_UNMAP_BLOB] = &vgpu_msg_unmap_blob,
    [VGPU_MSG_UPDATE_CURSOR] = &vgpu_msg_update_cursor,
    [VGPU_MSG_MOVE_CURSOR] = &vgpu_msg_move_cursor,
};

static const struct vgpu_answer *const answers[] = {
    &vgpu_answer_nodata, &vgpu_answer_display_info, &vgpu_answer_capset_info, &vgpu_answer_capset,
    &vgpu_answer_edid,   &vgpu_answer_uuid,         &vgpu_answer_map_info,
};
enum { ANSWER_COUNT = sizeof(answers) / sizeof(answers[0]) };

static const char *const error_names[] = {
    "ERR_UNSPEC",
    "ERR_OUT_OF_MEMORY",
    "ERR_INVALID_SCANOUT_ID",
    "ERR_INVALID_RESOURCE_ID",
    "ERR_INVALID_CONTEXT_ID",
    "ERR_INVALID_PARAMETER",
};
enum { ERROR_COUNT = sizeof(error_names) / sizeof(error_names[0]) };

const struct vgpu_message *
vgpu_message_at(enum vgpu_message_idx idx)
{
    return messages[idx];
}

/*
 * Types run on within 0x01xx, 0x02xx and 0x03xx, but for the gap of virgl's own commands, so that
 * finding one is arithmetic: this is on the way of every command.
 */
static const struct {
    uint32_t first;
    uint32_t end;
    uint32_t idx;
} runs[] = {
    {VIRTIO_GPU_CMD_GET_DISPLAY_INFO, VIRTIO_GPU_CMD_SET_SCANOUT_BLOB + 1,
     VGPU_MSG_GET_DISPLAY_INFO                                                                      },
    { VIRTIO_GPU_CMD_CTX_CREATE,      VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE + 1, VGPU_MSG_CTX_CREATE   },
    { VIRTIO_GPU_CMD_SUBMIT_3D,       VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB + 1, VGPU_MSG_SUBMIT_3D    },
    { VIRTIO_GPU_CMD_UPDATE_CURSOR,   VIRTIO_GPU_CMD_MOVE_CURSOR + 1,         VGPU_MSG_UPDATE_CURSOR},
};

const struct vgpu_message *
vgpu_message_find(uint32_t type)
{
    for (unsigned i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        if (type >= runs[i].first && type < runs[i].end) {
            return messages[type - runs[i].first + runs[i].idx];
        }
    }
    return NULL;
}

const struct vgpu_answer *
vgpu_answer_find(uint32_t type)
{
    uint32_t idx = type - VIRTIO_GPU_RESP_OK_NODATA;
    return idx < ANSWER_COUNT ? answers[idx] : NULL;
}

static bool
is_error(uint32_t type)
{
    return type - VIRTIO_GPU_RESP_ERR_UNSPEC < ERROR_COUNT;
}

const char *
vgpu_known_type_name(uint32_t type)
{
    const struct vgpu_message *message = vgpu_message_find(type);
    const struct vgpu_answer *answer = vgpu_answer_find(type);
    if (message != NULL) {
        return message->name;
    }
    if (answer != NULL) {
        return answer->name;
    }
    return is_error(type) ? error_names[type - VIRTIO_GPU_RESP_ERR_UNSPEC] : NULL;
}

const char *
vgpu_type_name(uint32_t type)
{
    const char *name = vgpu_known_type_name(type);
    return name != NULL ? name : "unknown";
}

/* The empty assembly makes the value read the one that all later tests see. */
uint32_t
vgpu_peek32(const void *bytes, size_t offset)
{
    le32 field;
    memcpy(&field, (const uint8_t *)bytes + offset, sizeof(field));
    __asm__ volatile("" : "+r"(field.raw));
    return le32_get(field);
}

uint64_t
vgpu_peek64(const void *bytes, size_t offset)
{
    return vgpu_peek32(bytes, offset) | (uint64_t)vgpu_peek32(bytes, offset + 4) << 32;
}

struct vgpu_rect
vgpu_peek_rect(const void *bytes, size_t offset)
{
    return (struct vgpu_rect){
        .x = vgpu_peek32(bytes, offset),
        .y = vgpu_peek32(bytes, offset + 4),
        .width = vgpu_peek32(bytes, offset + 8),
        .height = vgpu_peek32(bytes, offset + 12),
    };
}

struct virtio_gpu_ctrl_hdr
vgpu_encode_header(uint32_t type)
{
    return (struct virtio_gpu_ctrl_hdr){ .type = le32_from(type) };
}

static enum virtio_err
breaks(struct vgpu_response *response, const char *rule, uint64_t value)
{
    response->rule = rule;
    response->value = value;
    return VIRTIO_ERR_BROKEN;
}

enum virtio_err
vgpu_parse_response(const struct vgpu_message *message, const void *bytes, size_t written_bytes,
                    struct vgpu_response *response)
{
    struct virtio_gpu_ctrl_hdr header;
    *response = (struct vgpu_response){ 0 };
    if (message->answer == NULL) {
        return VIRTIO_OK;
    }
    if (written_bytes < sizeof(header)) {
        return breaks(response, "response shorter than a header (VirtIO 1.3 §5.7.6.7)",
                      written_bytes);
    }
    memcpy(&header, bytes, sizeof(header));
    __asm__ volatile("" ::
                         : "memory"); /* from here on the copy counts, whatever the device writes */
    response->type = le32_get(header.type);
    response->flags = le32_get(header.flags);
    response->fence_id = le64_get(header.fence_id);
    response->ctx_id = le32_get(header.ctx_id);
    if (is_error(response->type)) {
        return VIRTIO_ERR_REFUSED;
    }
    if (response->type != message->answer->type) {
        return breaks(response,
                      "response type does not belong to the command (VirtIO 1.3 §5.7.6.8)",
                      response->type);
    }
    if (written_bytes < message->answer->bytes) {
        return breaks(response, "response shorter than its type (VirtIO 1.3 §5.7.6.8)",
                      written_bytes);
    }
    return VIRTIO_OK;
}
