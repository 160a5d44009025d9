/*
 * The guest memory behind a resource: RESOURCE_ATTACH_BACKING and RESOURCE_DETACH_BACKING. VirtIO
 * 1.3 §5.7.6.8.
 */
#include "virtio/driver/gpu/messages.h"

static const struct vgpu_field attach_fields[] = {
    VGPU_FIELD_OF(resource_attach_backing, resource_id, U32),
    VGPU_FIELD_OF(resource_attach_backing, nr_entries, U32),
    {"entries", sizeof(struct virtio_gpu_resource_attach_backing), VGPU_FIELD_ENTRIES},
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_attach_backing = {
    .type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
    .bytes = sizeof(struct virtio_gpu_resource_attach_backing),
    .idx = VGPU_MSG_RESOURCE_ATTACH_BACKING,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "RESOURCE_ATTACH_BACKING",
    .fields = attach_fields,
    .answer = &vgpu_answer_nodata,
};

static const struct vgpu_field detach_fields[] = {
    VGPU_FIELD_OF(resource_detach_backing, resource_id, U32),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_detach_backing = {
    .type = VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
    .bytes = sizeof(struct virtio_gpu_resource_detach_backing),
    .idx = VGPU_MSG_RESOURCE_DETACH_BACKING,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "RESOURCE_DETACH_BACKING",
    .fields = detach_fields,
    .answer = &vgpu_answer_nodata,
};

struct virtio_gpu_resource_attach_backing
vgpu_encode_attach_backing(uint32_t resource_id, uint32_t entry_count)
{
    return (struct virtio_gpu_resource_attach_backing){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING),
        .resource_id = le32_from(resource_id),
        .nr_entries = le32_from(entry_count),
    };
}

struct virtio_gpu_mem_entry
vgpu_encode_mem_entry(uint64_t addr, uint32_t bytes)
{
    return (struct virtio_gpu_mem_entry){ .addr = le64_from(addr), .length = le32_from(bytes) };
}

struct virtio_gpu_resource_detach_backing
vgpu_encode_detach_backing(uint32_t resource_id)
{
    return (struct virtio_gpu_resource_detach_backing){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING),
        .resource_id = le32_from(resource_id),
    };
}
