/*
 * Which resource a scanout shows: SET_SCANOUT. VirtIO 1.3 §5.7.6.8.
 */
#include "virtio/driver/gpu/messages.h"

static const struct vgpu_field set_scanout_fields[] = {
    VGPU_FIELD_OF(set_scanout, r, RECT),
    VGPU_FIELD_OF(set_scanout, scanout_id, U32),
    VGPU_FIELD_OF(set_scanout, resource_id, U32),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_set_scanout = {
    .type = VIRTIO_GPU_CMD_SET_SCANOUT,
    .bytes = sizeof(struct virtio_gpu_set_scanout),
    .idx = VGPU_MSG_SET_SCANOUT,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "SET_SCANOUT",
    .fields = set_scanout_fields,
    .answer = &vgpu_answer_nodata,
};

struct virtio_gpu_set_scanout
vgpu_encode_set_scanout(uint32_t scanout_id, uint32_t resource_id, const struct vgpu_rect *rect)
{
    return (struct virtio_gpu_set_scanout){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_SET_SCANOUT),
        .r = vgpu_encode_rect(rect),
        .scanout_id = le32_from(scanout_id),
        .resource_id = le32_from(resource_id),
    };
}
