/*
 * Pixels to the host and onto the screen: TRANSFER_TO_HOST_2D and RESOURCE_FLUSH. VirtIO 1.3
 * §5.7.6.8.
 */
#include "virtio/driver/gpu/messages.h"

static const struct vgpu_field transfer_fields[] = {
    VGPU_FIELD_OF(transfer_to_host_2d, r, RECT),
    VGPU_FIELD_OF(transfer_to_host_2d, offset, U64),
    VGPU_FIELD_OF(transfer_to_host_2d, resource_id, U32),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_transfer_to_host_2d = {
    .type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
    .bytes = sizeof(struct virtio_gpu_transfer_to_host_2d),
    .idx = VGPU_MSG_TRANSFER_TO_HOST_2D,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "TRANSFER_TO_HOST_2D",
    .fields = transfer_fields,
    .answer = &vgpu_answer_nodata,
};

static const struct vgpu_field flush_fields[] = {
    VGPU_FIELD_OF(resource_flush, r, RECT),
    VGPU_FIELD_OF(resource_flush, resource_id, U32),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_resource_flush = {
    .type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
    .bytes = sizeof(struct virtio_gpu_resource_flush),
    .idx = VGPU_MSG_RESOURCE_FLUSH,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "RESOURCE_FLUSH",
    .fields = flush_fields,
    .answer = &vgpu_answer_nodata,
};

struct virtio_gpu_transfer_to_host_2d
vgpu_encode_transfer_to_host_2d(uint32_t resource_id, const struct vgpu_rect *rect,
                                uint64_t offset_bytes)
{
    return (struct virtio_gpu_transfer_to_host_2d){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D),
        .r = vgpu_encode_rect(rect),
        .offset = le64_from(offset_bytes),
        .resource_id = le32_from(resource_id),
    };
}

struct virtio_gpu_resource_flush
vgpu_encode_resource_flush(uint32_t resource_id, const struct vgpu_rect *rect)
{
    return (struct virtio_gpu_resource_flush){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_RESOURCE_FLUSH),
        .r = vgpu_encode_rect(rect),
        .resource_id = le32_from(resource_id),
    };
}
