/*
 * The life of a 2D resource: RESOURCE_CREATE_2D and RESOURCE_UNREF, and the pixel formats. VirtIO
 * 1.3 §5.7.6.8.
 */
#include "virtio/driver/gpu/formats.h"
#include "virtio/driver/gpu/messages.h"

static const struct vgpu_field create_fields[] = {
    VGPU_FIELD_OF(resource_create_2d, resource_id, U32),
    VGPU_FIELD_OF(resource_create_2d, format, FORMAT),
    VGPU_FIELD_OF(resource_create_2d, width, U32),
    VGPU_FIELD_OF(resource_create_2d, height, U32),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_resource_create_2d = {
    .type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
    .bytes = sizeof(struct virtio_gpu_resource_create_2d),
    .idx = VGPU_MSG_RESOURCE_CREATE_2D,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "RESOURCE_CREATE_2D",
    .fields = create_fields,
    .answer = &vgpu_answer_nodata,
};

static const struct vgpu_field unref_fields[] = {
    VGPU_FIELD_OF(resource_unref, resource_id, U32),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_resource_unref = {
    .type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
    .bytes = sizeof(struct virtio_gpu_resource_unref),
    .idx = VGPU_MSG_RESOURCE_UNREF,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "RESOURCE_UNREF",
    .fields = unref_fields,
    .answer = &vgpu_answer_nodata,
};

struct virtio_gpu_resource_create_2d
vgpu_encode_resource_create_2d(uint32_t resource_id, uint32_t format, uint32_t width_px,
                               uint32_t height_px)
{
    return (struct virtio_gpu_resource_create_2d){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_RESOURCE_CREATE_2D),
        .resource_id = le32_from(resource_id),
        .format = le32_from(format),
        .width = le32_from(width_px),
        .height = le32_from(height_px),
    };
}

struct virtio_gpu_resource_unref
vgpu_encode_resource_unref(uint32_t resource_id)
{
    return (struct virtio_gpu_resource_unref){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_RESOURCE_UNREF),
        .resource_id = le32_from(resource_id),
    };
}

static const struct vgpu_format formats[] = {
    {VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM,  "B8G8R8A8"},
    { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, "B8G8R8X8"},
    { VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, "A8R8G8B8"},
    { VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, "X8R8G8B8"},
    { VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, "R8G8B8A8"},
    { VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, "X8B8G8R8"},
    { VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, "A8B8G8R8"},
    { VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, "R8G8B8X8"},
};

const struct vgpu_format *
vgpu_format_find(uint32_t id)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (formats[i].id == id) {
            return &formats[i];
        }
    }
    return NULL;
}

const char *
vgpu_format_name(uint32_t format)
{
    const struct vgpu_format *found = vgpu_format_find(format);
    return found != NULL ? found->name : NULL;
}
