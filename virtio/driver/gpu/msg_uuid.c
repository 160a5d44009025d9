/*
 * A name for a resource that other virtio devices understand: RESOURCE_ASSIGN_UUID. VirtIO 1.3
 * §5.7.6.8.
 */
#include "virtio/driver/gpu/messages.h"

static const struct vgpu_field assign_fields[] = {
    VGPU_FIELD_OF(resource_assign_uuid, resource_id, U32),
    VGPU_FIELDS_END,
};

static const struct vgpu_field uuid_fields[] = {
    VGPU_FIELD_OF(resp_resource_uuid, uuid, BYTES),
    VGPU_FIELDS_END,
};

const struct vgpu_answer vgpu_answer_uuid = {
    .type = VIRTIO_GPU_RESP_OK_RESOURCE_UUID,
    .bytes = sizeof(struct virtio_gpu_resp_resource_uuid),
    .bytes_max = sizeof(struct virtio_gpu_resp_resource_uuid),
    .name = "OK_RESOURCE_UUID",
    .fields = uuid_fields,
};

const struct vgpu_message vgpu_msg_assign_uuid = {
    .type = VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID,
    .bytes = sizeof(struct virtio_gpu_resource_assign_uuid),
    .idx = VGPU_MSG_RESOURCE_ASSIGN_UUID,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "RESOURCE_ASSIGN_UUID",
    .fields = assign_fields,
    .answer = &vgpu_answer_uuid,
};

struct virtio_gpu_resource_assign_uuid
vgpu_encode_assign_uuid(uint32_t resource_id)
{
    return (struct virtio_gpu_resource_assign_uuid){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID),
        .resource_id = le32_from(resource_id),
    };
}

enum virtio_err
vgpu_parse_uuid(const void *bytes, size_t written_bytes, uint8_t uuid[16])
{
    if (written_bytes < sizeof(struct virtio_gpu_resp_resource_uuid)) {
        return VIRTIO_ERR_BROKEN;
    }
    memcpy(uuid, (const uint8_t *)bytes + offsetof(struct virtio_gpu_resp_resource_uuid, uuid), 16);
    return VIRTIO_OK;
}
