/*
 * Blobs: resources that are memory and nothing else, mapped into the host-visible window or shown as
 * they lie. VirtIO 1.3 §5.7.6.8, §5.7.6.9.
 */
#include "virtio/driver/gpu/messages.h"

static const struct vgpu_field create_fields[] = {
    VGPU_FIELD_OF(resource_create_blob, resource_id, U32),
    VGPU_FIELD_OF(resource_create_blob, blob_mem, BLOB_MEM),
    VGPU_FIELD_OF(resource_create_blob, blob_flags, HEX32),
    VGPU_FIELD_OF(resource_create_blob, nr_entries, U32),
    VGPU_FIELD_OF(resource_create_blob, blob_id, U64),
    VGPU_FIELD_OF(resource_create_blob, size, U64),
    {"entries", sizeof(struct virtio_gpu_resource_create_blob), VGPU_FIELD_ENTRIES},
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_create_blob = {
    .type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
    .bytes = sizeof(struct virtio_gpu_resource_create_blob),
    .idx = VGPU_MSG_RESOURCE_CREATE_BLOB,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "RESOURCE_CREATE_BLOB",
    .fields = create_fields,
    .answer = &vgpu_answer_nodata,
};

static const struct vgpu_field scanout_fields[] = {
    VGPU_FIELD_OF(set_scanout_blob, r, RECT),
    VGPU_FIELD_OF(set_scanout_blob, scanout_id, U32),
    VGPU_FIELD_OF(set_scanout_blob, resource_id, U32),
    VGPU_FIELD_OF(set_scanout_blob, width, U32),
    VGPU_FIELD_OF(set_scanout_blob, height, U32),
    VGPU_FIELD_OF(set_scanout_blob, format, FORMAT),
    VGPU_FIELD_OF(set_scanout_blob, strides, PLANES),
    VGPU_FIELD_OF(set_scanout_blob, offsets, PLANES),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_set_scanout_blob = {
    .type = VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,
    .bytes = sizeof(struct virtio_gpu_set_scanout_blob),
    .idx = VGPU_MSG_SET_SCANOUT_BLOB,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "SET_SCANOUT_BLOB",
    .fields = scanout_fields,
    .answer = &vgpu_answer_nodata,
};

static const struct vgpu_field map_info_fields[] = {
    VGPU_FIELD_OF(resp_map_info, map_info, HEX32),
    VGPU_FIELDS_END,
};

const struct vgpu_answer vgpu_answer_map_info = {
    .type = VIRTIO_GPU_RESP_OK_MAP_INFO,
    .bytes = sizeof(struct virtio_gpu_resp_map_info),
    .bytes_max = sizeof(struct virtio_gpu_resp_map_info),
    .name = "OK_MAP_INFO",
    .fields = map_info_fields,
};

static const struct vgpu_field map_fields[] = {
    VGPU_FIELD_OF(resource_map_blob, resource_id, U32),
    VGPU_FIELD_OF(resource_map_blob, offset, U64),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_map_blob = {
    .type = VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
    .bytes = sizeof(struct virtio_gpu_resource_map_blob),
    .idx = VGPU_MSG_RESOURCE_MAP_BLOB,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "RESOURCE_MAP_BLOB",
    .fields = map_fields,
    .answer = &vgpu_answer_map_info,
};

static const struct vgpu_field unmap_fields[] = {
    VGPU_FIELD_OF(resource_unmap_blob, resource_id, U32),
    VGPU_FIELDS_END,
};

const struct vgpu_message vgpu_msg_unmap_blob = {
    .type = VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,
    .bytes = sizeof(struct virtio_gpu_resource_unmap_blob),
    .idx = VGPU_MSG_RESOURCE_UNMAP_BLOB,
    .queue = VIRTIO_GPU_CONTROLQ,
    .name = "RESOURCE_UNMAP_BLOB",
    .fields = unmap_fields,
    .answer = &vgpu_answer_nodata,
};

struct virtio_gpu_resource_create_blob
vgpu_encode_create_blob(uint32_t resource_id, uint32_t ctx_id, const struct vgpu_blob_wish *wish)
{
    struct virtio_gpu_resource_create_blob command = {
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB),
        .resource_id = le32_from(resource_id),
        .blob_mem = le32_from(wish->mem),
        .blob_flags = le32_from(wish->flags),
        .nr_entries = le32_from(wish->entry_count),
        .blob_id = le64_from(wish->blob_id),
        .size = le64_from(wish->bytes),
    };
    command.hdr.ctx_id = le32_from(ctx_id);
    return command;
}

struct virtio_gpu_set_scanout_blob
vgpu_encode_set_scanout_blob(uint32_t scanout_id, uint32_t resource_id,
                             const struct vgpu_blob_image *image)
{
    return (struct virtio_gpu_set_scanout_blob){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_SET_SCANOUT_BLOB),
        .r = vgpu_encode_rect(&image->rect),
        .scanout_id = le32_from(scanout_id),
        .resource_id = le32_from(resource_id),
        .width = le32_from(image->width_px),
        .height = le32_from(image->height_px),
        .format = le32_from(image->format),
        .strides = { le32_from(image->stride_bytes) },
        .offsets = { le32_from(image->offset_bytes) },
    };
}

struct virtio_gpu_resource_map_blob
vgpu_encode_map_blob(uint32_t resource_id, uint64_t offset_bytes)
{
    return (struct virtio_gpu_resource_map_blob){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB),
        .resource_id = le32_from(resource_id),
        .offset = le64_from(offset_bytes),
    };
}

struct virtio_gpu_resource_unmap_blob
vgpu_encode_unmap_blob(uint32_t resource_id)
{
    return (struct virtio_gpu_resource_unmap_blob){
        .hdr = vgpu_encode_header(VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB),
        .resource_id = le32_from(resource_id),
    };
}

enum virtio_err
vgpu_parse_map_info(const void *bytes, size_t written_bytes, uint32_t *map_info)
{
    if (written_bytes < sizeof(struct virtio_gpu_resp_map_info)) {
        return VIRTIO_ERR_BROKEN;
    }
    *map_info = vgpu_peek32(bytes, offsetof(struct virtio_gpu_resp_map_info, map_info));
    return VIRTIO_OK;
}
