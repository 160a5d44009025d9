/*
 * Capability sets of the renderer: GET_CAPSET_INFO and GET_CAPSET. VirtIO 1.3 §5.7.6.8.
 */
#include "virtio/driver/gpu/messages.h"

static const struct vgpu_field get_info_fields[] = {
    VGPU_FIELD_OF(get_capset_info, capset_index, U32),
    VGPU_FIELDS_END,
};

static const struct vgpu_field info_fields[] = {
    VGPU_FIELD_OF(resp_capset_info, capset_id, CAPSET),
    VGPU_FIELD_OF(resp_capset_info, capset_max_version, U32),
    VGPU_FIELD_OF(resp_capset_info, capset_max_size, U32),
    VGPU_FIELDS_END,
};

const struct vgpu_answer vgpu_answer_capset_info = {
    .type = VIRTIO_GPU_RESP_OK_CAPSET_INFO,
    .bytes = sizeof(struct virtio_gpu_resp_capset_info),
    .bytes_max = sizeof(struct virtio_gpu_resp_capset_info),
    .name = "OK_CAPSET_INFO",
    .fields = info_fields,
};

const struct vgpu_message vgpu_msg_get_capset_info = {
    .type = VIRTIO_GPU_CMD_GET_CAPSET_INFO,
    .bytes = sizeof(struct virtio_gpu_get_capset_info),
    .idx = VGPU_MSG_GET_CAPSET_INFO,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "GET_CAPSET_INFO",
    .fields = get_info_fields,
    .answer = &vgpu_answer_capset_info,
};

static const struct vgpu_field get_fields[] = {
    VGPU_FIELD_OF(get_capset, capset_id, CAPSET),
    VGPU_FIELD_OF(get_capset, capset_version, U32),
    VGPU_FIELDS_END,
};

static const struct vgpu_field capset_fields[] = {
    VGPU_FIELD_OF(resp_capset, capset_data, BYTES),
    VGPU_FIELDS_END,
};

const struct vgpu_answer vgpu_answer_capset = {
    .type = VIRTIO_GPU_RESP_OK_CAPSET,
    .bytes = sizeof(struct virtio_gpu_resp_capset),
    .bytes_max = 0,
    .name = "OK_CAPSET",
    .fields = capset_fields,
};

const struct vgpu_message vgpu_msg_get_capset = {
    .type = VIRTIO_GPU_CMD_GET_CAPSET,
    .bytes = sizeof(struct virtio_gpu_get_capset),
    .idx = VGPU_MSG_GET_CAPSET,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "GET_CAPSET",
    .fields = get_fields,
    .answer = &vgpu_answer_capset,
};

struct virtio_gpu_get_capset_info
vgpu_encode_get_capset_info(uint32_t capset_idx)
{
    return (struct virtio_gpu_get_capset_info){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_GET_CAPSET_INFO),
        .capset_index = le32_from(capset_idx),
    };
}

struct virtio_gpu_get_capset
vgpu_encode_get_capset(uint32_t capset_id, uint32_t version)
{
    return (struct virtio_gpu_get_capset){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_GET_CAPSET),
        .capset_id = le32_from(capset_id),
        .capset_version = le32_from(version),
    };
}

enum virtio_err
vgpu_parse_capset_info(const void *bytes, size_t written_bytes, struct vgpu_capset_info *info)
{
    if (written_bytes < sizeof(struct virtio_gpu_resp_capset_info)) {
        return VIRTIO_ERR_BROKEN;
    }
    *info = (struct vgpu_capset_info){
        .id = vgpu_peek32(bytes, offsetof(struct virtio_gpu_resp_capset_info, capset_id)),
        .max_version =
            vgpu_peek32(bytes, offsetof(struct virtio_gpu_resp_capset_info, capset_max_version)),
        .max_bytes =
            vgpu_peek32(bytes, offsetof(struct virtio_gpu_resp_capset_info, capset_max_size)),
    };
    return VIRTIO_OK;
}

enum virtio_err
vgpu_parse_capset(const void *bytes, size_t written_bytes, uint8_t *capset, size_t room_bytes,
                  size_t *capset_bytes)
{
    size_t start = offsetof(struct virtio_gpu_resp_capset, capset_data);
    if (written_bytes < start) {
        return VIRTIO_ERR_BROKEN;
    }
    *capset_bytes = written_bytes - start;
    if (*capset_bytes > room_bytes) {
        return VIRTIO_ERR_BUFFER_TOO_SMALL;
    }
    if (*capset_bytes > 0) {
        memcpy(capset, (const uint8_t *)bytes + start, *capset_bytes);
    }
    return VIRTIO_OK;
}
