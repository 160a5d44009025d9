/*
 * Contexts of a 3D renderer: their life, what they can reach, and their command streams. VirtIO 1.3
 * §5.7.6.9.
 */
#include "virtio/driver/gpu/messages.h"

static const struct vgpu_field create_fields[] = {
    VGPU_FIELD_OF(ctx_create, nlen, U32),
    VGPU_FIELD_OF(ctx_create, context_init, CAPSET),
    VGPU_FIELD_OF(ctx_create, debug_name, NAME),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_ctx_create = {
    .type = VIRTIO_GPU_CMD_CTX_CREATE,
    .bytes = sizeof(struct virtio_gpu_ctx_create),
    .idx = VGPU_MSG_CTX_CREATE,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "CTX_CREATE",
    .fields = create_fields,
    .answer = &vgpu_answer_nodata,
};

const struct vgpu_message vgpu_msg_ctx_destroy = {
    .type = VIRTIO_GPU_CMD_CTX_DESTROY,
    .bytes = sizeof(struct virtio_gpu_ctx_destroy),
    .idx = VGPU_MSG_CTX_DESTROY,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "CTX_DESTROY",
    .answer = &vgpu_answer_nodata,
};

static const struct vgpu_field resource_fields[] = {
    VGPU_FIELD_OF(ctx_resource, resource_id, U32),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_ctx_attach_resource = {
    .type = VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
    .bytes = sizeof(struct virtio_gpu_ctx_resource),
    .idx = VGPU_MSG_CTX_ATTACH_RESOURCE,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "CTX_ATTACH_RESOURCE",
    .fields = resource_fields,
    .answer = &vgpu_answer_nodata,
};

const struct vgpu_message vgpu_msg_ctx_detach_resource = {
    .type = VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE,
    .bytes = sizeof(struct virtio_gpu_ctx_resource),
    .idx = VGPU_MSG_CTX_DETACH_RESOURCE,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "CTX_DETACH_RESOURCE",
    .fields = resource_fields,
    .answer = &vgpu_answer_nodata,
};

static const struct vgpu_field submit_fields[] = {
    VGPU_FIELD_OF(cmd_submit, size, U32),
    {"stream", sizeof(struct virtio_gpu_cmd_submit), VGPU_FIELD_BYTES},
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_submit_3d = {
    .type = VIRTIO_GPU_CMD_SUBMIT_3D,
    .bytes = sizeof(struct virtio_gpu_cmd_submit),
    .idx = VGPU_MSG_SUBMIT_3D,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "SUBMIT_3D",
    .fields = submit_fields,
    .answer = &vgpu_answer_nodata,
};

static struct virtio_gpu_ctrl_hdr
header_of(uint32_t type, uint32_t ctx_id)
{
    struct virtio_gpu_ctrl_hdr hdr = vgpu_encode_header(type);
    hdr.ctx_id = le32_from(ctx_id);
    return hdr;
}

struct virtio_gpu_ctx_create
vgpu_encode_ctx_create(uint32_t ctx_id, uint32_t context_init, const char *name)
{
    struct virtio_gpu_ctx_create command = {
        .hdr = header_of(VIRTIO_GPU_CMD_CTX_CREATE, ctx_id),
        .context_init = le32_from(context_init),
    };
    uint32_t length = 0;
    for (; length < sizeof(command.debug_name) - 1 && name[length] != '\0'; length++) {
        command.debug_name[length] = name[length];
    }
    command.nlen = le32_from(length);
    return command;
}

struct virtio_gpu_ctx_destroy
vgpu_encode_ctx_destroy(uint32_t ctx_id)
{
    return (struct virtio_gpu_ctx_destroy){
        .hdr = header_of(VIRTIO_GPU_CMD_CTX_DESTROY, ctx_id),
    };
}

static struct virtio_gpu_ctx_resource
encode_resource(uint32_t type, uint32_t ctx_id, uint32_t resource_id)
{
    return (struct virtio_gpu_ctx_resource){
        .hdr = header_of(type, ctx_id),
        .resource_id = le32_from(resource_id),
    };
}

struct virtio_gpu_ctx_resource
vgpu_encode_ctx_attach_resource(uint32_t ctx_id, uint32_t resource_id)
{
    return encode_resource(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, ctx_id, resource_id);
}

struct virtio_gpu_ctx_resource
vgpu_encode_ctx_detach_resource(uint32_t ctx_id, uint32_t resource_id)
{
    return encode_resource(VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, ctx_id, resource_id);
}

struct virtio_gpu_cmd_submit
vgpu_encode_submit_3d(uint32_t ctx_id, uint32_t stream_bytes)
{
    return (struct virtio_gpu_cmd_submit){
        .hdr = header_of(VIRTIO_GPU_CMD_SUBMIT_3D, ctx_id),
        .size = le32_from(stream_bytes),
    };
}

void
vgpu_encode_ring_idx(struct virtio_gpu_ctrl_hdr *hdr, uint8_t ring_idx)
{
    hdr->flags = le32_from(le32_get(hdr->flags) | VIRTIO_GPU_FLAG_INFO_RING_IDX);
    hdr->ring_idx = ring_idx;
}
