/*
 * What displays there are: GET_DISPLAY_INFO and GET_EDID. VirtIO 1.3 §5.7.6.8.
 */
#include "virtio/driver/gpu/messages.h"

static const struct vgpu_field display_info_fields[] = {
    VGPU_FIELD_OF(resp_display_info, pmodes, DISPLAYS),
    VGPU_FIELDS_END,
};

const struct vgpu_answer vgpu_answer_display_info = {
    .type = VIRTIO_GPU_RESP_OK_DISPLAY_INFO,
    .bytes = sizeof(struct virtio_gpu_resp_display_info),
    .bytes_max = sizeof(struct virtio_gpu_resp_display_info),
    .name = "OK_DISPLAY_INFO",
    .fields = display_info_fields,
};

const struct vgpu_message vgpu_msg_get_display_info = {
    .type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO,
    .bytes = sizeof(struct virtio_gpu_ctrl_hdr),
    .idx = VGPU_MSG_GET_DISPLAY_INFO,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "GET_DISPLAY_INFO",
    .answer = &vgpu_answer_display_info,
};

static const struct vgpu_field get_edid_fields[] = {
    VGPU_FIELD_OF(get_edid, scanout, U32),
    VGPU_FIELDS_END,
};

static const struct vgpu_field edid_fields[] = {
    VGPU_FIELD_OF(resp_edid, size, U32),
    VGPU_FIELD_OF(resp_edid, edid, BYTES),
    VGPU_FIELDS_END,
};

/*
 * A device may write no more than `size` bytes of the EDID, so the length is checked by
 * vgpu_parse_edid.
 */
const struct vgpu_answer vgpu_answer_edid = {
    .type = VIRTIO_GPU_RESP_OK_EDID,
    .bytes = offsetof(struct virtio_gpu_resp_edid, edid),
    .bytes_max = sizeof(struct virtio_gpu_resp_edid),
    .name = "OK_EDID",
    .fields = edid_fields,
};

const struct vgpu_message vgpu_msg_get_edid = {
    .type = VIRTIO_GPU_CMD_GET_EDID,
    .bytes = sizeof(struct virtio_gpu_get_edid),
    .idx = VGPU_MSG_GET_EDID,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "GET_EDID",
    .fields = get_edid_fields,
    .answer = &vgpu_answer_edid,
};

struct virtio_gpu_ctrl_hdr
vgpu_encode_get_display_info(void)
{
    return vgpu_encode_header(VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
}

struct virtio_gpu_get_edid
vgpu_encode_get_edid(uint32_t scanout_id)
{
    return (struct virtio_gpu_get_edid){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_GET_EDID),
        .scanout = le32_from(scanout_id),
    };
}

enum virtio_err
vgpu_parse_display_info(const void *bytes, size_t written_bytes, struct vgpu_display_info *info)
{
    if (written_bytes < sizeof(struct virtio_gpu_resp_display_info)) {
        return VIRTIO_ERR_BROKEN;
    }
    for (size_t i = 0; i < VIRTIO_GPU_SCANOUTS_MAX; i++) {
        size_t offset = offsetof(struct virtio_gpu_resp_display_info, pmodes) +
                        i * sizeof(struct virtio_gpu_display_one);
        size_t enabled = offset + offsetof(struct virtio_gpu_display_one, enabled);
        size_t flags = offset + offsetof(struct virtio_gpu_display_one, flags);
        info->displays[i] = (struct vgpu_display){
            .rect = vgpu_peek_rect(bytes, offset),
            .is_enabled = vgpu_peek32(bytes, enabled) != 0,
            .flags = vgpu_peek32(bytes, flags),
        };
    }
    return VIRTIO_OK;
}

enum virtio_err
vgpu_parse_edid(const void *bytes, size_t written_bytes, uint8_t *edid, size_t *edid_bytes)
{
    size_t start = offsetof(struct virtio_gpu_resp_edid, edid);
    if (written_bytes < start) {
        return VIRTIO_ERR_BROKEN;
    }
    uint32_t size = vgpu_peek32(bytes, offsetof(struct virtio_gpu_resp_edid, size));
    if (size > VIRTIO_GPU_EDID_BYTES_MAX || size > written_bytes - start) {
        return VIRTIO_ERR_BROKEN;
    }
    memcpy(edid, (const uint8_t *)bytes + start, size);
    *edid_bytes = size;
    return VIRTIO_OK;
}
